"""Codes that many people want at the same moment: each use is claimed once, and nobody waits."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from tests.database.people import Bank, Call, Connection, Refusal, gateway_says, receipts

PEOPLE, USES = 1000, 100
CONNECTIONS = 40
_PEOPLE = """
insert into auth.users (id, email, email_confirmed_at)
select gen_random_uuid(), %s || n || '@example.com', now() from generate_series(1, %s) n
returning id
"""


def test_a_thousand_people_want_a_code_of_a_hundred_uses(
    bank: Bank, record_property: Callable[[str, object], None]
) -> None:
    people = _people(bank, "stampede", PEOPLE)
    _promote(bank, "stampede", {"kind": "tokens", "tokens": 3}, USES)
    answers, seconds = _at_once(bank, [_redeem(person, "STAMPEDE") for person in people])
    record_property("seconds", round(seconds, 2))
    assert Counter(outcome for outcome, _ in answers) == {
        "redeemed": USES,
        "exhausted": PEOPLE - USES,
    }
    [row] = bank.rows("select sum(tokens) as tokens from token_wallets")
    assert row["tokens"] == 3 * USES
    assert not bank.audit()


def test_orders_of_a_code_that_many_want(bank: Bank) -> None:
    people = _people(bank, "orders", 200)
    _promote(bank, "orders", {"kind": "percent", "percent_off": 50}, 20)
    for person in people:
        bank.ask(Call("check_token_code", {"code": "ORDERS"}, person))
    answers, _ = _at_once(bank, [_order(person, "ORDERS") for person in people])
    assert Counter(answers) == {("ordered", 2500): 20, ("code_not_usable", None): 180}


def test_nobody_waits_for_who_has_claimed_a_use_and_not_committed(bank: Bank) -> None:
    one, two, three = _people(bank, "patience", 3)
    _promote(bank, "patience", {"kind": "tokens", "tokens": 3}, 2)
    with bank.connect() as first, bank.connect() as second, bank.connect() as third:
        for connection in (second, third):
            connection.execute("set lock_timeout = '250ms'")
        with first.transaction(force_rollback=True):
            assert _redeem(one, "PATIENCE")(first) == ("redeemed", 3)
            with second.transaction():
                assert _redeem(two, "PATIENCE")(second) == ("redeemed", 3)
                assert _redeem(three, "PATIENCE")(third) == ("exhausted", None)
        assert _redeem(three, "PATIENCE")(third) == ("redeemed", 3)  # what was rolled back is free
    [codes] = bank.rows("select used from coinslot.list_codes('patience', 10, null)")
    assert codes["used"] == 2


def test_accounts_with_one_identity_redeem_once(bank: Bank) -> None:
    """All at once, each from an account of their own with a spelling of one address."""
    people = _people(bank, "same+", 10)
    _promote(bank, "same", {"kind": "tokens", "tokens": 3}, 50)
    answers, _ = _at_once(bank, [_redeem(person, "SAMECODE") for person in people])
    assert Counter(outcome for outcome, _ in answers) == {"redeemed": 1, "used": 9}


def test_one_user_redeems_two_codes_of_a_promotion_at_once(bank: Bank) -> None:
    [person] = _people(bank, "twice", 1)
    _promote(bank, "twice", {"kind": "tokens", "tokens": 3}, 50)
    bank.ask(Call("coinslot_set_code", {"code": "OTHERTWICE", "promotion": "twice"}))
    calls = [_redeem(person, code) for code in ("TWICE", "OTHERTWICE") * 5]
    answers, _ = _at_once(bank, calls)
    assert Counter(outcome for outcome, _ in answers) == {"redeemed": 1, "used": 9}


def test_money_for_lapsed_orders_at_once_takes_each_use_once(bank: Bank) -> None:
    """Ten orders hold ten uses that have lapsed, and ten others have taken five of them since."""
    people = _people(bank, "lapsed", 15)
    _promote(bank, "lapsed", {"kind": "percent", "percent_off": 50}, 10)
    for person in people:
        bank.ask(Call("check_token_code", {"code": "LAPSED"}, person))
    first = [bank.ask(_order_call(person, "LAPSED"))["order_id"] for person in people[:10]]
    bank.change(
        "update coinslot.promotion_slots set until = clock_timestamp() where code = 'LAPSED'"
    )
    late = [bank.ask(_order_call(person, "LAPSED"))["order_id"] for person in people[10:]]
    paid = bank.together(
        [gateway_says(order_id, 1, amount=2500, paid=2500) for order_id in (*first, *late)]
    )
    assert {answer["outcome"] for answer in receipts(paid)} == {"credited"}
    [codes] = bank.rows("select used, overrun from coinslot.list_codes('lapsed', 10, null)")
    assert codes == {"used": 15, "overrun": 5}
    [slots] = bank.rows(
        "select count(*) as taken from coinslot.promotion_slots"
        " where code = 'LAPSED' and until = 'infinity'"
    )
    assert slots["taken"] == 10
    assert not bank.audit()


Claim = Callable[[Connection], tuple[str, int | None]]


def _redeem(person: UUID, code: str) -> Claim:
    def claim(connection: Connection) -> tuple[str, int | None]:
        arguments = {"code": code, "idempotency_key": str(uuid4())}
        answer = Call("redeem_token_code", arguments, person)(connection)
        if isinstance(answer, Refusal):
            assert answer.message == "code_not_usable"  # its last use was just taken
            return "exhausted", None
        return answer["outcome"], answer["tokens"]

    return claim


def _order(person: UUID, code: str) -> Claim:
    def claim(connection: Connection) -> tuple[str, int | None]:
        answer = _order_call(person, code)(connection)
        if isinstance(answer, Refusal):
            return answer.message, None
        return "ordered", answer["amount"]

    return claim


def _order_call(person: UUID, code: str) -> Call:
    arguments = {"product_id": "starter", "gateway": "portone", "promo_code": code}
    return Call("create_token_order", arguments, person)


def _people(bank: Bank, name: str, number: int) -> list[UUID]:
    bank.change("update coinslot.settings set signup_bonus = 0")
    return [row["id"] for row in bank.rows(_PEOPLE, name, number)]


def _promote(bank: Bank, name: str, terms: dict[str, Any], uses: int) -> None:
    bank.ask(Call("coinslot_set_promotion", {"id": name, "terms": Jsonb(terms)}))
    code = name if len(name) > 4 else f"{name}code"
    bank.ask(Call("coinslot_set_code", {"code": code, "promotion": name, "max_uses": uses}))


def _at_once(bank: Bank, claims: list[Claim]) -> tuple[list[tuple[str, int | None]], float]:
    """The answers, and seconds: as many connections as a server has, each with its share."""
    connections = min(CONNECTIONS, len(claims))
    barrier = Barrier(connections + 1)

    def run(share: list[Claim]) -> list[tuple[str, int | None]]:
        with bank.connect() as connection:
            barrier.wait()
            return [claim(connection) for claim in share]

    with ThreadPoolExecutor(connections) as threads:
        shares = [threads.submit(run, claims[n::connections]) for n in range(connections)]
        barrier.wait()
        began = time.monotonic()
        answers = [answer for share in shares for answer in share.result()]
        return answers, time.monotonic() - began
