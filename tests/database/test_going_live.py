"""Going live beside everybody who pays with test cards at that moment."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.database.people import (
    Bank,
    Refusal,
    create_order,
    gateway_says,
    go_live,
    merge,
    receipts,
)
from tests.database.waiting import done_or_blocked

LIMIT_S = 60.0


@pytest.fixture(autouse=True)
def _test_mode(bank: Bank) -> None:
    bank.change("update coinslot.settings set mode = 'test'")


def test_no_token_of_a_test_payment_outlives_it(bank: Bank) -> None:
    """Each of 20 orders is paid before, meanwhile or not at all; and merges are under way."""
    users = [bank.user() for _ in range(20)]
    orders = [bank.order(user) for user in users]
    for order_id in orders[:5]:
        bank.ask(gateway_says(order_id, 1, paid=5000))
    moves = [merge(users[n], users[n + 10], f"merge {n}") for n in range(3)]
    pays = [gateway_says(order_id, 1, paid=5000) for order_id in orders[5:]]
    calls = [*pays[:8], go_live(), *moves, *pays[8:], go_live()]
    answers = receipts(bank.together(calls))
    said = Counter(answer.get("outcome") for answer in answers)
    assert said["credited"] + said["review"] == 15
    assert bank.rows("select sum(tokens)::int as tokens from token_wallets") == [{"tokens": 0}]
    [[reversed_]] = [list(row.values()) for row in bank.rows(_REVERSED)]
    assert reversed_ == 5 + said["credited"]
    assert not bank.audit()
    made = bank.ask(create_order(users[19], None))
    assert made["live"]


def test_an_order_that_is_made_meanwhile_is_paid_by_no_test_card(bank: Bank) -> None:
    with bank.connect() as operator, bank.connect() as buyer, ThreadPoolExecutor(1) as thread:
        with operator.transaction():
            go_live().inside(operator)
            order_id = bank.order(bank.user())
            paying = thread.submit(gateway_says(order_id, 1, paid=5000), buyer)
            done_or_blocked(paying, buyer, bank)
        answer = paying.result(LIMIT_S)
    assert not isinstance(answer, Refusal)
    assert answer["outcome"] == "review"
    assert not bank.audit()


_REVERSED = "select count(*)::int as n from token_ledger where kind = 'test_reversal'"
