"""Tokens that expired before anybody looked: both reports date them alike, and a month that is over
stays as it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.database.people import Bank, gateway_says, hold, maintain, spend
from tests.reports.shop import bank, report, summed

if TYPE_CHECKING:
    from uuid import UUID

    from tests.support.clocks import Clock
    from tests.support.clusters import Cluster

__all__ = ["bank"]

JANUARY = {"from": "2027-01-01", "to": "2027-01-31", "step": "month"}
MONTHS = JANUARY | {"to": "2027-03-31"}
# Of a lot that was bought on the eleventh and lasts for twenty days, in Seoul.
BOUGHT = datetime(2027, 1, 11, 14, tzinfo=UTC)
ENDED = datetime(2027, 1, 31, 14, tzinfo=UTC)
FEBRUARY = datetime(2027, 1, 31, 15, 30, tzinfo=UTC)


def _buyer(bank: Bank, clock: Clock) -> tuple[UUID, UUID]:
    """The owner, and who has bought ten tokens for 5,000 and used three of them."""
    clock.set(BOUGHT)
    bank.change("update token_products set tokens_last_days = 20 where id = 'starter'")
    owner, buyer = bank.operator("owner"), bank.user()
    bank.ask(gateway_says(bank.order(buyer), 1, paid=5000))
    bank.ask(spend(buyer, 3, "used"))
    summed(bank)
    return owner, buyer


def _said(bank: Bank, owner: UUID, options: dict[str, str]) -> tuple[Any, ...]:
    """Both reports, with tokens and money of each month side by side."""
    tokens = report(bank, owner, "tokens", **options)
    money = report(bank, owner, "liability", **options)
    assert tokens["complete"] == money["complete"]
    return (
        money["complete"],
        [(row["expired"], row["corrections"], row["outstanding"]) for row in tokens["rows"]],
        [(row["breakage"], row["corrections"], row["closing"]) for row in money["rows"]],
    )


def test_what_expired_is_of_the_month_in_which_its_lot_ended(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    """Nothing ran, and nobody looked, before March."""
    clock = clocked[1]
    owner, _ = _buyer(bank, clock)
    clock.set(datetime(2027, 3, 10, tzinfo=UTC))
    assert _said(bank, owner, JANUARY) == (False, [(0, 0, 7)], [(0, 0, 3500)])
    summed(bank)
    assert _said(bank, owner, MONTHS) == (True, [(7, 0, 0)], [(3500, 0, 0)])


def test_what_a_hold_kept_beyond_a_month_that_is_over_is_of_the_next(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    clock = clocked[1]
    owner, buyer = _buyer(bank, clock)
    clock.set(datetime(2027, 1, 31, 13, 50, tzinfo=UTC))
    bank.ask(hold(buyer, 4, "kept", ttl_seconds=3 * 3600))
    clock.set(FEBRUARY)
    summed(bank)
    printed = _said(bank, owner, JANUARY)
    assert printed == (True, [(3, 0, 4)], [(1500, 0, 2000)])
    clock.set(datetime(2027, 2, 5, tzinfo=UTC))
    summed(bank)
    assert _said(bank, owner, JANUARY) == printed
    assert _said(bank, owner, MONTHS) == (
        True,
        [(3, 0, 4), (4, -4, 0)],
        [(1500, 0, 2000), (2000, -2000, 0)],
    )


def test_a_month_is_not_over_while_a_lot_that_ended_in_it_is_not_folded(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    """Somebody has the wallet locked, and the maintenance waits for nobody."""
    clock = clocked[1]
    owner, buyer = _buyer(bank, clock)
    clock.set(ENDED)
    with bank.connect() as other, other.transaction():
        other.execute("select from token_wallets where user_id = %s for update", [buyer])
        clock.set(FEBRUARY)
        summed(bank)
        assert _said(bank, owner, JANUARY) == (False, [(0, 0, 7)], [(0, 0, 3500)])
    bank.ask(maintain())
    summed(bank)
    assert _said(bank, owner, MONTHS | {"to": "2027-01-31"}) == (True, [(7, 0, 0)], [(3500, 0, 0)])
