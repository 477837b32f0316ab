"""The work that comes again beside requests: servers repeat it in loops, Lambda by its schedule.

Both take it from here, so that neither leaves out a part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from coinslot.services import Services
    from coinslot.settings.deployment import Settings

# The time between two looks whether the daily audit and the daily ledger check are due.
_SECONDS_PER_DAILY_LOOK = 1800.0


@dataclass(frozen=True, slots=True)
class RecurringWork:
    """One part. `seconds` lie between two turns. `long` work is cut short when a server stops, and
    is begun again by the next one that looks."""

    name: str
    turn: Callable[[], Awaitable[object]]
    seconds: float
    long: bool = False


def recurring_work(services: Services, settings: Settings) -> list[RecurringWork]:
    """The most urgent first."""
    charge, maintenance = settings.coinslot_charge_seconds, settings.coinslot_maintenance_seconds
    every = [
        RecurringWork(
            "reconcile", services.reconciliations.once, settings.coinslot_reconcile_seconds
        ),
        RecurringWork("charge", services.charges.work_off, charge),
        RecurringWork("cash_receipts", services.cash_receipts.work_off, charge),
        RecurringWork("maintain", services.reconciliations.maintain, maintenance),
        RecurringWork("forget", services.methods.forget, maintenance),
        RecurringWork("audit", services.audits.daily, _SECONDS_PER_DAILY_LOOK, long=True),
        RecurringWork(
            "check_ledger", services.ledger_checks.check, _SECONDS_PER_DAILY_LOOK, long=True
        ),
    ]
    if services.mailings.is_on:
        mail = RecurringWork("mail", services.mailings.send_due, settings.coinslot_mail_seconds)
        return [mail, *every]
    return every
