"""After the storm: whatever is open is made due, and worked off until nothing moves any more."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, LiteralString

import psycopg

from coinslot.errors import CoinslotError
from tests.storm.banks import Banks

if TYPE_CHECKING:
    from coinslot.services import Services
    from tests.storm.client import Client
    from tests.storm.journal import Journal
    from tests.storm.world import StormStack

_MOST_ROUNDS = 12
_WEBHOOKS_DUE: LiteralString = (
    "update coinslot.webhooks set next_attempt_at = now() where next_attempt_at is not null"
)
_WEBHOOK_OPEN: LiteralString = (
    "select id from coinslot.webhooks where next_attempt_at is not null limit 1"
)
_REFUNDS_DUE: LiteralString = (
    "update coinslot.refunds set next_attempt_at = now() where finished_at is null"
)
_READS_DUE: LiteralString = "update coinslot.payment_reads set next_read_at = now()"
_ORDERS_OVER: LiteralString = (
    "update public.token_payments set expires_at = now() "
    "where status = 'pending' and expires_at > now()"
)
_UNRESOLVED: LiteralString = (
    "select r.id from coinslot.refunds r join coinslot.discrepancies d using (order_id) "
    "where r.finished_at is null and r.status = 'requested' "
    "and d.kind = 'refund_unresolved' and d.resolved_at is null limit 1"
)
# What changes when anything moves; and what is still to be done.
_MOVED: LiteralString = (
    "select (select count(*) from public.token_payment_events), "
    "(select count(*) from token_ledger), "
    "(select count(*) from public.token_payments where status = 'pending')"
)
_OPEN: LiteralString = (
    "select (select count(*) from coinslot.refunds where finished_at is null)"
    " + (select count(*) from coinslot.webhooks where next_attempt_at is not null)"
)


class Calm:
    def __init__(
        self, stack: StormStack, services: Services, client: Client, journal: Journal
    ) -> None:
        self._stack = stack
        self._services = services
        self._banks = Banks(client)
        self._journal = journal

    async def until_idle(self) -> None:
        """Or until it has gone on for too long: then the verdict finds what is left."""
        before: object = None
        for number in range(_MOST_ROUNDS):
            await self._round(audited=number % 2 == 1)
            self._journal.counts["rounds"] = number + 1
            now = (self._select(_MOVED), self._select(_OPEN))
            if now == before and now[1] == (0,):
                return
            before = now

    async def _round(self, *, audited: bool) -> None:
        await self._banks.decide()
        for _ in range(12):
            self._run(_WEBHOOKS_DUE)
            with suppress(CoinslotError):
                await self._services.inbox.work_off()
            if self._select(_WEBHOOK_OPEN) is None:
                break
        self._run(_ORDERS_OVER)
        await self._services.reconciliations.maintain()
        self._run(_REFUNDS_DUE)
        self._run(_READS_DUE)
        await self._services.reconciliations.once()
        await self._people_decide()
        if audited:
            await self._audit()

    async def _audit(self) -> None:
        """Compares with the gateways' lists, which show what no webhook told of a settled order."""
        since = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
        for name in self._services.gateways:
            await self._services.audits.audit(name, since, since + timedelta(days=3), again=True)

    async def _people_decide(self) -> None:
        """Of refunds that the gateways took on and never showed, once somebody is asked."""
        while found := self._select(_UNRESOLVED):
            await self._services.database.as_service().call(
                "coinslot_close_refund", refund_id=str(found[0]), reason="not at the gateway"
            )
            self._journal.count("refunds", "closed by a person")

    def _run(self, statement: LiteralString) -> None:
        with psycopg.connect(self._stack.settings.database_url(), autocommit=True) as connection:
            connection.execute(statement)

    def _select(self, query: LiteralString) -> tuple[object, ...] | None:
        with psycopg.connect(self._stack.settings.database_url()) as connection:
            return connection.execute(query).fetchone()
