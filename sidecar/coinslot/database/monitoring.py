"""The RPCs of monitoring: the backlog, the discrepancies, the check of the ledger."""

from __future__ import annotations

from typing import Any

from coinslot.database.caller import Caller
from coinslot.database.records import DatabaseSettings, Discrepancy, Record
from coinslot.database.rpc_names import Rpc


class DueReads(Record):
    """Orders to be read again now. `overdue_seconds` counts from when the first of them was due.

    It is null where none is due, here and below.
    """

    gateway: str
    due: int
    overdue_seconds: float | None


class WaitingWebhooks(Record):
    """Webhooks that are not finished: being read, due, or waiting for the gateway's records."""

    gateway: str
    waiting: int
    oldest_seconds: float | None
    overdue_seconds: float | None


class OpenRefunds(Record):
    gateway: str
    open: int
    oldest_seconds: float | None


class WaitingClosings(Record):
    """Orders that are over and not closed at their gateway yet."""

    gateway: str
    waiting: int
    overdue_seconds: float | None


class Reviews(Record):
    gateway: str
    payments: int


class OpenDiscrepancies(Record):
    """`gateway` is empty where it is about none."""

    kind: str
    gateway: str
    open: int


class SeenEvents(Record):
    """The types of events that webhooks of a gateway have brought since ever."""

    gateway: str
    types: list[str]


class WaitingEvents(Record):
    """Events that are to be sent to an endpoint. `overdue_seconds` counts from when the first that
    nobody has taken up was due, `failing_seconds` from when the last one arrived."""

    endpoint: str
    active: bool
    waiting: int
    overdue_seconds: float | None
    parked: int
    failing_seconds: float | None


class LateMails(Record):
    """Mail that nobody sends, and people whom it has not reached for 30 days or less. `shown` are
    the addresses of some of them, masked; `oldest_seconds` counts from the first of those mails."""

    overdue_seconds: float | None
    unreached: int
    oldest_seconds: float | None
    shown: list[str | None]


class LedgerVerdict(Record):
    """The result of the last finished check; `checked_at` is in seconds since 1970."""

    checked_at: float
    wallets: int


class DatabaseBacklog(Record):
    """The counts of `coinslot_get_backlog`. `holds` counts those of refunds, too."""

    payments: list[DueReads]
    webhooks: list[WaitingWebhooks]
    refunds: list[OpenRefunds]
    closings: list[WaitingClosings]
    reviews: list[Reviews]
    discrepancies: list[OpenDiscrepancies]
    holds: int
    ledger: LedgerVerdict | None
    # Empty where the database is too old to tell.
    endpoints: tuple[WaitingEvents, ...] = ()
    mails: LateMails | None = None
    # None where the database is too old to tell.
    events: list[SeenEvents] | None = None


class LedgerCheckStep(Record):
    """One step of a ledger check: how far it has come, and the first problems that it found."""

    finished: bool
    wallets: int
    problems: list[dict[str, Any]]


class MonitoringDatabase(Caller):
    async def get_settings(self) -> DatabaseSettings:
        return await self.record(DatabaseSettings, Rpc.GET_SETTINGS)

    async def get_backlog(self) -> DatabaseBacklog:
        return await self.record(DatabaseBacklog, Rpc.GET_BACKLOG)

    async def check_ledger(self) -> LedgerCheckStep | None:
        """Does one step of the daily check, of a second or so. None: it is not due here."""
        step = await self.call(Rpc.CHECK_LEDGER)
        return None if step is None else LedgerCheckStep.model_validate(step)

    async def list_discrepancies(
        self, page_size: int = 100, before: int | None = None
    ) -> list[Discrepancy]:
        rows = await self.call(Rpc.LIST_DISCREPANCIES, page_size=page_size, before=before)
        return [Discrepancy.model_validate(row) for row in rows]

    async def resolve_discrepancy(self, number: int, resolution: str) -> Discrepancy | None:
        """Ends a discrepancy; one that has ended stays as it is. None: there is none of this id."""
        row = await self.call(Rpc.RESOLVE_DISCREPANCY, discrepancy_id=number, resolution=resolution)
        return Discrepancy.model_validate(row) if row and row.get("id") else None
