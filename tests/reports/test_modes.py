"""A shop that goes live: test money and real money are two things in all that is said of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from tests.database.people import Bank, Call, ask_refund, gateway_says, go_live
from tests.reports.shop import bank, report, summed

if TYPE_CHECKING:
    from uuid import UUID

    from tests.support.clocks import Clock
    from tests.support.clusters import Cluster

__all__ = ["bank"]

SPAN = {"from": "2027-01-01", "to": "2027-02-28", "step": "month"}


def _shop(bank: Bank, clock: Clock) -> tuple[UUID, UUID]:
    """The owner, and who has bought in test mode, and again for real money after it; of both a part
    went back."""
    clock.set(datetime(2027, 1, 5, tzinfo=UTC))
    owner, buyer = bank.operator("owner"), bank.user(2)
    _buy_and_refund(bank, buyer, 1000, live=False)
    clock.set(datetime(2027, 2, 5, tzinfo=UTC))
    bank.ask(go_live())
    _buy_and_refund(bank, buyer, 2000, live=True)
    clock.set(datetime(2027, 3, 2, tzinfo=UTC))
    summed(bank)
    return owner, buyer


def _buy_and_refund(bank: Bank, buyer: UUID, amount: int, *, live: bool) -> None:
    order = bank.order(buyer)
    bank.ask(gateway_says(order, 1, paid=5000, live=live))
    bank.ask(ask_refund(order, "a part", amount))
    [row] = bank.rows("select version from token_payments where order_id = %s", order)
    bank.ask(gateway_says(order, row["version"], paid=5000, refunded=amount, live=live))


def test_tokens_of_test_orders_are_apart(bank: Bank, clocked: tuple[Cluster, Clock]) -> None:
    """Balances have them until the shop went live; what was sold for real money does not."""
    owner, _ = _shop(bank, clocked[1])
    columns = ("sold", "given", "taken_back", "other_mode", "outstanding")
    said = {
        mode: [
            tuple(row[name] for name in columns)
            for row in report(bank, owner, "tokens", **SPAN, live=mode)["rows"]
        ]
        for mode in ("true", "false")
    }
    assert said == {
        "true": [(0, 2, 0, 8, 10), (10, 0, 4, -8, 8)],
        "false": [(10, 2, 2, 0, 10), (0, 0, 8, 6, 8)],
    }


def test_money_of_a_customer_is_real(bank: Bank, clocked: tuple[Cluster, Clock]) -> None:
    owner, buyer = _shop(bank, clocked[1])
    given = {"what": "customer", "id": str(buyer)}
    made = bank.ask(Call("token_console_get", given, owner))["token_console_get"]
    assert made["money"] == [
        {"currency": "KRW", "orders": 1, "paid": 5000, "refunded": 2000, "withdrawn": 0}
    ]


def test_a_list_of_refunds_tells_them_apart(bank: Bank, clocked: tuple[Cluster, Clock]) -> None:
    owner, _ = _shop(bank, clocked[1])
    given = {"list": "refunds", "filters": Jsonb({}), "after": None, "page_size": 10}
    made: dict[str, Any] = bank.ask(Call("token_console_list", given, owner))["token_console_list"]
    assert [(each["live"], each["amount"]) for each in made["items"]] == [
        (True, 2000),
        (False, 1000),
    ]
    for name in ("refunds", "cash_receipts", "orders", "subscriptions"):
        [row] = bank.rows("select coinslot.export_columns(%s) as columns", name)
        assert "live" in row["columns"], name
