"""The worth of paid tokens whose lots move from wallet to wallet, end and come back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.database.people import Bank, gateway_says, merge, spend
from tests.reports.shop import bank, report, summed

if TYPE_CHECKING:
    from uuid import UUID

    from tests.support.clocks import Clock
    from tests.support.clusters import Cluster

__all__ = ["bank"]

JANUARY = {"from": "2027-01-01", "to": "2027-02-28", "step": "month"}


def _buy(bank: Bank, user: UUID) -> str:
    order = bank.order(user)
    bank.ask(gateway_says(order, 1, paid=5000))
    return order


def _liability(bank: Bank, owner: UUID, *columns: str) -> list[tuple[Any, ...]]:
    rows = report(bank, owner, "liability", **JANUARY)["rows"]
    return [tuple(row[column] for column in columns) for row in rows]


@pytest.mark.parametrize("order", ["first", "second"])
@pytest.mark.parametrize("summed_between", [False, True])
def test_a_merge_at_the_end_of_a_month_moves_no_money(
    bank: Bank, clocked: tuple[Cluster, Clock], order: str, *, summed_between: bool
) -> None:
    """Each buys ten tokens for 5,000; one uses three and the other seven. Then they are one."""
    clock = clocked[1]
    clock.set(datetime(2027, 1, 5, tzinfo=UTC))
    owner, merged, keeper = bank.operator("owner"), bank.user(), bank.user()
    acts = [(merged, 3), (keeper, 7)]
    for day, (user, amount) in enumerate(acts if order == "first" else acts[::-1]):
        clock.set(datetime(2027, 1, 6 + 10 * day, tzinfo=UTC))
        _buy(bank, user)
        bank.ask(spend(user, amount, "used"))
        if summed_between and day == 0:
            clock.set(datetime(2027, 1, 10, tzinfo=UTC))
            summed(bank)
    # The first moment of February in Seoul.
    clock.set(datetime(2027, 1, 31, 15, tzinfo=UTC))
    bank.ask(merge(merged, keeper, "one"))
    bank.ask(spend(keeper, 4, "used later"))
    clock.set(datetime(2027, 3, 1, tzinfo=UTC))
    summed(bank)
    assert _liability(bank, owner, "sold", "recognised", "refunded", "closing") == [
        (10000, 5000, 0, 5000),
        (0, 2000, 0, 3000),
    ]


def test_a_debt_that_a_merge_pays_is_used(bank: Bank, clocked: tuple[Cluster, Clock]) -> None:
    clock = clocked[1]
    clock.set(datetime(2027, 1, 5, tzinfo=UTC))
    owner, merged, keeper = bank.operator("owner"), bank.user(), bank.user()
    order = _buy(bank, merged)
    bank.ask(spend(merged, 10, "used"))
    bank.ask(gateway_says(order, 2, paid=5000, refunded=5000))
    _buy(bank, keeper)
    clock.set(datetime(2027, 2, 5, tzinfo=UTC))
    bank.ask(merge(merged, keeper, "one"))
    clock.set(datetime(2027, 3, 1, tzinfo=UTC))
    summed(bank)
    assert bank.wallet(keeper) == (0, 0)
    assert _liability(bank, owner, "sold", "recognised", "refunded", "closing") == [
        (10000, 0, 5000, 5000),
        (0, 5000, 0, 0),
    ]


def test_money_that_comes_back_for_a_lot_that_has_ended_is_not_sold_twice(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    """A dispute that is won after the tokens it took would have expired."""
    clock = clocked[1]
    clock.set(datetime(2027, 1, 5, tzinfo=UTC))
    bank.change("update token_products set tokens_last_days = 20 where id = 'starter'")
    owner, buyer = bank.operator("owner"), bank.user()
    order = _buy(bank, buyer)
    bank.ask(gateway_says(order, 2, paid=5000, disputed=5000, withdrawn=5000))
    clock.set(datetime(2027, 2, 25, tzinfo=UTC))
    bank.ask(gateway_says(order, 3, paid=5000))
    clock.set(datetime(2027, 2, 26, tzinfo=UTC))
    summed(bank)
    assert _liability(bank, owner, "sold", "refunded", "closing") == [
        (5000, 5000, 0),
        (0, -5000, 5000),
    ]
