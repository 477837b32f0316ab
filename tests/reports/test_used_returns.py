"""Money that goes back for tokens that were used, or had expired: what months say of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.database.people import (
    Bank,
    Call,
    answer_refund,
    ask_refund,
    gateway_says,
    go_live,
    grant,
    spend,
)
from tests.reports.shop import bank, report, summed

if TYPE_CHECKING:
    from uuid import UUID

    from tests.support.clocks import Clock
    from tests.support.clusters import Cluster

__all__ = ["bank"]

SPAN = {"from": "2027-01-01", "to": "2027-03-31", "step": "month"}
FLOWS = ("sold", "recognised", "breakage", "refunded", "closing")
JANUARY, FEBRUARY, MARCH = (datetime(2027, month, 5, tzinfo=UTC) for month in (1, 2, 3))


def _buy(bank: Bank, buyer: UUID, product: str = "starter", price: int = 5000) -> str:
    made = bank.ask(
        Call("create_token_order", {"product_id": product, "gateway": "portone"}, buyer)
    )
    order = str(made["order_id"])
    bank.ask(gateway_says(order, 1, amount=price, paid=price))
    return order


def _months(bank: Bank, clock: Clock, owner: UUID, **options: str) -> list[tuple[int, ...]]:
    """January, February and March, as far as there is something to say, which adds up."""
    clock.set(datetime(2027, 4, 2, tzinfo=UTC))
    summed(bank)
    rows = report(bank, owner, "liability", **SPAN, **options)["rows"]
    opening = 0
    for row in rows:
        assert row["opening"] == opening
        opening += row["sold"] - row["recognised"] - row["breakage"] - row["refunded"]
        assert row["closing"] == opening
    sales = report(bank, owner, "sales", **SPAN, **options)["rows"]
    earned = sum(row["recognised"] + row["breakage"] for row in rows)
    assert sum(row["net"] for row in sales) == earned + opening
    assert not bank.audit()
    return [tuple(row[name] for name in FLOWS) for row in rows]


def test_what_was_used_is_recognised_less_when_its_money_goes_back(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    """The month in which it was used stays; what pays the debt later is used once more."""
    clock = clocked[1]
    clock.set(JANUARY)
    owner, buyer = bank.operator("owner"), bank.user()
    order = _buy(bank, buyer)
    bank.ask(spend(buyer, 8, "used"))
    clock.set(FEBRUARY)
    bank.ask(gateway_says(order, 2, paid=5000, refunded=5000))
    clock.set(MARCH)
    _buy(bank, buyer)
    assert _months(bank, clock, owner) == [
        (5000, 4000, 0, 0, 1000),
        (0, -4000, 0, 5000, 0),
        (5000, 4000, 0, 0, 1000),
    ]


def test_less_than_a_token_comes_off_what_was_used(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    """Tokens that go back are rounded down, and money is not."""
    clock = clocked[1]
    clock.set(JANUARY)
    owner, buyer = bank.operator("owner"), bank.user()
    order = _buy(bank, buyer)
    bank.ask(gateway_says(order, 2, paid=5000, refunded=1200))
    clock.set(FEBRUARY)
    bank.ask(spend(buyer, 8, "used"))
    assert _months(bank, clock, owner) == [(5000, -200, 0, 1200, 4000), (0, 4000, 0, 0, 0)]


def test_what_had_expired_is_less_breakage_when_its_money_goes_back(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    clock = clocked[1]
    clock.set(JANUARY)
    bank.change("update token_products set tokens_last_days = 20 where id = 'starter'")
    owner, buyer = bank.operator("owner"), bank.user()
    order = _buy(bank, buyer)
    bank.ask(spend(buyer, 3, "used"))
    clock.set(FEBRUARY)
    refund = bank.ask(ask_refund(order, "all of it", force=True))
    version = bank.ask(answer_refund(refund["id"], "accepted"))["version"]
    bank.ask(gateway_says(order, version, paid=5000, refunding=5000))
    clock.set(MARCH)
    bank.ask(gateway_says(order, version + 1, paid=5000, refunded=5000))
    assert _months(bank, clock, owner) == [
        (5000, 1500, 3500, 0, 0),
        (0, -1500, -3500, 5000, 0),
    ]


def test_a_refund_that_fails_leaves_breakage_as_it_was(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    clock = clocked[1]
    clock.set(JANUARY)
    bank.change("update token_products set tokens_last_days = 20 where id = 'starter'")
    owner, buyer = bank.operator("owner"), bank.user()
    order = _buy(bank, buyer)
    clock.set(FEBRUARY)
    refund = bank.ask(ask_refund(order, "half", 2500, force=True))
    version = bank.ask(answer_refund(refund["id"], "declined"))["version"]
    bank.ask(gateway_says(order, version, paid=5000))
    assert _months(bank, clock, owner) == [(5000, 0, 5000, 0, 0)]


def test_tokens_of_another_order_that_go_with_the_money_are_no_revenue(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    """Ten that cost 5,000 are used; with their money go three that were given and seven of 400."""
    clock = clocked[1]
    clock.set(JANUARY)
    owner, buyer = bank.operator("owner"), bank.user()
    order = _buy(bank, buyer)
    bank.ask(spend(buyer, 10, "used"))
    bank.ask(grant(buyer, 3, "given"))
    _buy(bank, buyer, "standard", 12000)
    clock.set(FEBRUARY)
    bank.ask(gateway_says(order, 2, paid=5000, refunded=5000))
    assert bank.wallet(buyer) == (23, 0)
    assert _months(bank, clock, owner) == [(17000, 5000, 0, 0, 12000), (0, -2200, 0, 5000, 9200)]


def test_money_that_comes_back_is_earned_again(bank: Bank, clocked: tuple[Cluster, Clock]) -> None:
    """A dispute about tokens that were used, won a month later."""
    clock = clocked[1]
    clock.set(JANUARY)
    owner, buyer = bank.operator("owner"), bank.user()
    order = _buy(bank, buyer)
    bank.ask(spend(buyer, 6, "used"))
    clock.set(FEBRUARY)
    bank.ask(gateway_says(order, 2, paid=5000, disputed=5000, withdrawn=5000))
    clock.set(MARCH)
    bank.ask(gateway_says(order, 3, paid=5000))
    assert _months(bank, clock, owner) == [
        (5000, 3000, 0, 0, 2000),
        (0, -3000, 0, 5000, 0),
        (0, 3000, 0, -5000, 2000),
    ]


def test_a_part_that_went_back_before_it_was_told_of_is_refunded(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    clock = clocked[1]
    clock.set(JANUARY)
    owner, buyer = bank.operator("owner"), bank.user()
    bank.ask(gateway_says(bank.order(buyer), 1, paid=5000, refunded=1700))
    assert _months(bank, clock, owner) == [(5000, -200, 0, 1700, 3500)]


def test_what_going_live_takes_back_keeps_its_test_money(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    """No money goes back with it, and none of it is real."""
    clock = clocked[1]
    clock.set(JANUARY)
    owner, buyer = bank.operator("owner"), bank.user()
    _buy(bank, buyer)
    clock.set(FEBRUARY)
    bank.ask(go_live())
    assert _months(bank, clock, owner, live="true") == []
    assert _months(bank, clock, owner, live="false") == [(5000, 0, 0, 0, 5000), (0, 5000, 0, 0, 0)]
