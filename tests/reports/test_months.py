"""Months of a shop with few orders: where they begin and end, and what is said of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.database.people import Bank, Call, gateway_says
from tests.reports.shop import bank, report, summed

if TYPE_CHECKING:
    from tests.support.clocks import Clock
    from tests.support.clusters import Cluster

__all__ = ["bank"]


def test_a_month_ends_when_it_ends_in_the_zone(bank: Bank, clocked: tuple[Cluster, Clock]) -> None:
    """The last microsecond and the first, of a month in Seoul and of one in UTC."""
    clock = clocked[1]
    clock.set(datetime(2027, 1, 5, tzinfo=UTC))
    owner, buyer = bank.operator("owner"), bank.user()
    seoul = datetime(2027, 1, 31, 15, tzinfo=UTC)
    utc = datetime(2027, 2, 1, tzinfo=UTC)
    for at in (seoul, utc):
        for moment in (at - timedelta(seconds=1), at):
            clock.set(moment)
            bank.ask(gateway_says(bank.order(buyer), 1, paid=5000))
    clock.set(datetime(2027, 3, 10, tzinfo=UTC))
    given = {"from": "2027-01-01", "to": "2027-02-28", "step": "month"}
    for books in ("open", "summed"):
        for zone, januarys in (("Asia/Seoul", 1), ("Asia/Kolkata", 2), ("UTC", 3)):
            for name in ("sales", "funnel", "vat"):
                rows = report(bank, owner, name, **given, zone=zone)["rows"]
                column_of = "orders" if name == "funnel" else "payments"
                told = [row[column_of] for row in rows]
                assert told == [januarys, 4 - januarys], (books, name, zone)
        summed(bank)


def test_a_deposit_that_is_taken_back_goes_back_of_its_sale(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    clock = clocked[1]
    clock.set(datetime(2027, 1, 5, tzinfo=UTC))
    owner, buyer = bank.operator("owner"), bank.user()
    order = bank.order(buyer)
    bank.ask(gateway_says(order, 1, paid=5000))
    clock.set(datetime(2027, 2, 5, tzinfo=UTC))
    bank.ask(gateway_says(order, 2, state="canceled"))
    options = {"from": "2027-01-01", "to": "2027-02-28", "step": "month"}
    rows = report(bank, owner, "sales", **options)["rows"]
    assert [(row["payments"], row["net"], row["of_earlier"]) for row in rows] == [
        (1, 5000, 0),
        (-1, -5000, 5000),
    ]


def test_money_that_another_payment_makes_good_is_told_by_its_own_method(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    """A card had paid beside a deposit, and counts when the bank undoes that; then it goes back."""
    clocked[1].set(datetime(2027, 1, 5, tzinfo=UTC))
    options = {"from": "2027-01-01", "to": "2027-01-31", "step": "month"}
    owner, buyer = bank.operator("owner"), bank.user()
    order = bank.order(buyer)
    deposit = {"payment_key": "deposit", "method": "virtual_account"}
    card = {"payment_key": "card", "method": "card"}
    bank.ask(gateway_says(order, 1, paid=5000, **deposit))
    bank.ask(gateway_says(order, 2, paid=5000, **card))
    bank.ask(gateway_says(order, 3, state="awaiting_deposit", **deposit))
    facts = ("payments", "paid", "refunded", "net")
    for refunded in (0, 2000):
        if refunded:
            bank.ask(gateway_says(order, 4, paid=5000, refunded=refunded, **card))
        rows = report(bank, owner, "methods", **options)["rows"]
        assert {row["label"]: tuple(row[fact] for fact in facts) for row in rows} == {
            "virtual_account": (0, 0, 0, 0),
            "card": (1, 5000, refunded, 5000 - refunded),
        }
    [row] = report(bank, owner, "sales", **options)["rows"]
    assert tuple(row[fact] for fact in facts) == (1, 5000, 2000, 3000)
    assert not bank.audit()


def test_the_worked_example(bank: Bank, clocked: tuple[Cluster, Clock]) -> None:
    """Five tokens given, ten bought for 5,000, thirty for 12,000; 12 used in January, 20 later."""
    clock = clocked[1]
    clock.set(datetime(2027, 1, 5, tzinfo=UTC))
    owner, buyer = bank.operator("owner"), bank.user(5)
    for product, price in (("starter", 5000), ("standard", 12000)):
        arguments = {"product_id": product, "gateway": "portone"}
        order = str(bank.ask(Call("create_token_order", arguments, buyer))["order_id"])
        bank.ask(gateway_says(order, 1, amount=price, paid=price))
    for month, amount in ((1, 12), (2, 20)):
        clock.set(datetime(2027, month, 20, tzinfo=UTC))
        bank.ask(Call("spend_tokens", {"amount": amount, "idempotency_key": str(month)}, buyer))
    clock.set(datetime(2027, 3, 1, 12, tzinfo=UTC))
    summed(bank)
    rows = report(
        bank, owner, "liability", **{"from": "2027-01-01", "to": "2027-02-28"}, step="month"
    )["rows"]
    assert [(row["recognised"], row["closing"]) for row in rows] == [(3500, 13500), (8300, 5200)]


def test_a_month_in_which_nothing_moved_still_says_what_there_is(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    clock = clocked[1]
    clock.set(datetime(2027, 1, 5, tzinfo=UTC))
    owner, buyer = bank.operator("owner"), bank.user()
    bank.ask(gateway_says(bank.order(buyer), 1, paid=5000))
    clock.set(datetime(2027, 3, 10, tzinfo=UTC))
    summed(bank)
    options = {"from": "2027-02-01", "to": "2027-02-28", "step": "month"}
    [tokens] = report(bank, owner, "tokens", **options)["rows"]
    assert (tokens["opening"], tokens["sold"], tokens["outstanding"]) == (10, 0, 10)
    [owed] = report(bank, owner, "liability", **options)["rows"]
    assert [owed[name] for name in ("opening", "sold", "closing", "closing_tokens")] == [
        *(5000, 0, 5000, 10)
    ]
    assert not report(bank, owner, "liability", **options, currency="USD")["rows"]


def test_orders_from_before_have_their_moves(bank: Bank, clocked: tuple[Cluster, Clock]) -> None:
    """As after an upgrade: by the maintenance, or before the next move of their money."""
    clock = clocked[1]
    clock.set(datetime(2027, 1, 5, tzinfo=UTC))
    owner, buyer = bank.operator("owner"), bank.user()
    orders = []
    for _ in range(3):
        orders.append(bank.order(buyer))
        bank.ask(gateway_says(orders[-1], 1, paid=5000))
    bank.change("delete from coinslot.money_moves")
    clock.set(datetime(2027, 2, 5, tzinfo=UTC))
    bank.ask(gateway_says(orders[0], 2, paid=5000, refunded=2000))
    summed(bank)
    rows = report(bank, owner, "sales", **{"from": "2027-01-01", "to": "2027-02-28"}, step="month")[
        "rows"
    ]
    assert [(row["paid"], row["refunded"], row["of_earlier"]) for row in rows] == [
        (15000, 0, 0),
        (0, 2000, 2000),
    ]
