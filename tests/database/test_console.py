"""Operators who do the same at the same moment, and one whose role goes during a click."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from tests.database.people import (
    Bank,
    Call,
    Refusal,
    add_operator,
    gateway_says,
    refusals,
    remove_operator,
)

LIMIT_S = 60.0
FORBIDDEN = Refusal("PT403", "forbidden")
TEAM = ("finance", "owner")


def act(
    operator: UUID, action: str, subject: str, key: str, reason: str = "why", **arguments: object
) -> Call:
    given = {"action": action, "subject": subject, "reason": reason, "idempotency_key": key}
    return Call("token_console_act", given | {"arguments": Jsonb(arguments)}, operator)


def listed(operator: UUID, name: str, **filters: object) -> Call:
    return Call("token_console_list", {"list": name, "filters": Jsonb(filters)}, operator)


def limited(bank: Bank, **limits: object) -> UUID:
    operator = bank.user()
    given = {"who": str(operator), "role": "support", "limits": Jsonb(limits)}
    bank.ask(Call("coinslot_add_operator", given))
    return operator


def paid(bank: Bank) -> tuple[UUID, str]:
    buyer = bank.user()
    order_id = bank.order(buyer)
    bank.ask(gateway_says(order_id, 1, paid=5000))
    return buyer, order_id


def actions(bank: Bank, subject: str) -> list[str]:
    rows = bank.rows(
        "select action from coinslot.operator_actions where subject = %s order by id", subject
    )
    return [row["action"] for row in rows]


def test_of_operators_who_refund_one_order_at_once_one_does(bank: Bank) -> None:
    _, order_id = paid(bank)
    team = [bank.operator(TEAM[n % 2]) for n in range(8)]
    answers = bank.together([act(who, "refund_order", order_id, "click") for who in team])
    assert refusals(answers) == {Refusal("PT409", "refund_in_progress"): 7}
    assert actions(bank, order_id) == ["refund_requested"]
    [made] = bank.rows(
        "select sum(amount) as money from coinslot.refunds where order_id = %s", order_id
    )
    assert made["money"] == 5000


def test_a_click_that_is_sent_many_times_does_one_thing(bank: Bank) -> None:
    buyer, _ = paid(bank)
    owner = bank.operator("owner")
    answers = bank.together([act(owner, "grant_tokens", str(buyer), "k", tokens=7)] * 8)
    assert not refusals(answers)
    told = [answer["token_console_act"] for answer in answers if not isinstance(answer, Refusal)]
    assert sorted(each["replayed"] for each in told) == [False] + [True] * 7
    assert len({str(each["answer"]) for each in told}) == 1
    assert bank.history(buyer) == [("purchase", 10), ("grant", 7)]
    assert actions(bank, str(buyer)) == ["tokens_granted"]


def test_of_operators_who_change_a_price_at_once_one_does(bank: Bank) -> None:
    seen = {"KRW": 700}
    given = {"id": "pencil", "name": "Pencil", "prices": Jsonb(seen)}
    bank.ask(Call("coinslot_set_product", given))
    answers = bank.together(
        [
            act(
                bank.operator("owner"),
                "set_product",
                "pencil",
                "click",
                prices={"KRW": 800 + n},
                expected=seen,
            )
            for n in range(8)
        ]
    )
    assert refusals(answers) == {Refusal("PT409", "changed_meanwhile"): 7}
    assert actions(bank, "pencil") == ["product_set"]


def test_a_limit_holds_for_gifts_that_are_given_at_once(bank: Bank) -> None:
    buyer, _ = paid(bank)
    operator = limited(bank, tokens_a_day=30)
    calls = [act(operator, "grant_tokens", str(buyer), str(n), tokens=10) for n in range(8)]
    answers = bank.together(calls)
    assert refusals(answers) == {Refusal("PT403", "limit_reached"): 5}
    assert bank.wallet(buyer) == (40, 0)


def test_a_limit_holds_for_refunds_that_are_asked_for_at_once(bank: Bank) -> None:
    orders = [paid(bank)[1] for _ in range(6)]
    operator = limited(bank, refunds_a_day={"KRW": 10000})
    answers = bank.together([act(operator, "refund_order", order, order) for order in orders])
    assert refusals(answers) == {Refusal("PT403", "limit_reached"): 4}


def test_who_takes_a_role_away_waits_for_the_click_that_has_begun(bank: Bank) -> None:
    buyer, _ = paid(bank)
    bank.operator("owner")
    operator = bank.operator("owner")
    with bank.connect() as clicking, bank.connect() as removing, ThreadPoolExecutor(1) as thread:
        clicking.execute("begin")
        act(operator, "grant_tokens", str(buyer), "k", tokens=1).inside(clicking)
        removal = thread.submit(remove_operator(operator), removing)
        _wait_until_blocked(bank, removing.info.backend_pid)
        clicking.execute("commit")
        assert not isinstance(removal.result(LIMIT_S), Refusal)
    assert bank.wallet(buyer) == (11, 0)
    assert bank.together([act(operator, "grant_tokens", str(buyer), "l", tokens=1)]) == [FORBIDDEN]


@pytest.mark.parametrize("change", ["removed", "demoted", "banned"])
def test_a_click_that_comes_after_the_role_went_does_nothing(bank: Bank, change: str) -> None:
    """Begun before the change is committed, it waits for it."""
    buyer, _ = paid(bank)
    bank.operator("owner")
    operator = bank.operator("owner")
    with bank.connect() as changing, bank.connect() as clicking, ThreadPoolExecutor(1) as thread:
        clicking.execute("set lock_timeout = 0")
        changing.execute("begin")
        if change == "banned":
            changing.execute(
                "update auth.users set banned_until = 'infinity' where id = %s", [operator]
            )
            changing.execute("commit")
        else:
            call = remove_operator if change == "removed" else None
            (call(operator) if call else add_operator(operator, "support")).inside(changing)
        click = thread.submit(act(operator, "grant_tokens", str(buyer), "k", tokens=1), clicking)
        if change != "banned":
            time.sleep(0.05)
            changing.execute("commit")
        assert click.result(LIMIT_S) == FORBIDDEN
    assert bank.wallet(buyer) == (10, 0)


def test_a_list_ends_however_rare_what_is_looked_for(bank: Bank) -> None:
    """It walks so far and says where it goes on: over three walks each order is met once."""
    owner = bank.operator("owner")
    for _ in range(7):
        paid(bank)
    bank.change(
        "create or replace function coinslot.walk_length() returns integer language sql"
        " immutable parallel safe set search_path = '' return 3"
    )
    try:
        for filters in ({"method": "unheard_of"}, {"product": "starter"}):
            after, met = None, []
            for _ in range(40):
                call = listed(owner, "orders", **filters)
                call.arguments["after"] = after
                page = bank.ask(call)["token_console_list"]
                met += [item["order_id"] for item in page["items"]]
                after = page["next"]
                if after is None:
                    break
            assert after is None
            [all_orders] = bank.rows("select count(*) as n from token_payments")
            assert len(set(met)) == len(met)
            assert len(met) == (all_orders["n"] if "product" in filters else 0)
    finally:
        bank.change(
            "create or replace function coinslot.walk_length() returns integer language sql"
            " immutable parallel safe set search_path = '' return 4000"
        )


def _wait_until_blocked(bank: Bank, pid: int) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not bank.rows(
        "select from pg_stat_activity where cardinality(pg_blocking_pids(%s)) > 0", pid
    ):
        assert time.monotonic() < deadline
        time.sleep(0.005)
