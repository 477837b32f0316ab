"""The reconciler: it fetches what no webhook has told.

Open orders and refunds are read again on the database's schedule, orders and holds expire, and
orders that are over are closed at their gateways. Any
number of processes may do this side by side: the database gives each piece of work to one of them.
No lock is held while a gateway is asked.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from structlog.contextvars import bound_contextvars

from coinslot.errors import GatewayUnavailable, PaymentRefused, PaymentUnknownAtGateway, TryAgain
from coinslot.gateways.http import GatewayNonsense
from coinslot.jitter import about
from coinslot.payments.closings import Closings
from coinslot.payments.settlements import fact_about

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coinslot.database import Database
    from coinslot.database.records import OrderRecord, OrderToRead
    from coinslot.gateways.base import Gateway, GatewayPayment
    from coinslot.payments.refunds import Refunds
    from coinslot.payments.settlements import Settlements
    from coinslot.shutdown import Shutdown

log = structlog.get_logger(__name__)

_BATCH = 50
_REFUNDS = 10
# Reads of one gateway at a time.
_AT_ONCE = 4
# Unanswered reads in a batch after which the gateway counts as down.
_DOWN_AFTER = 3
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 300.0


@dataclass
class Pace:
    """The pause before a gateway that does not answer is asked again: twice as long each time."""

    failures: int = 0
    until: float = 0.0

    def resting(self) -> bool:
        return time.monotonic() < self.until

    def failed(self) -> float:
        """Seconds until it is asked again. The jitter keeps processes apart."""
        pause = about(min(_FIRST_PAUSE * 2**self.failures, _LONGEST_PAUSE))
        self.failures += 1
        self.until = time.monotonic() + pause
        return pause

    def recovered(self) -> None:
        self.failures, self.until = 0, 0.0


@dataclass
class Round:
    """The counts of one round: orders read, moved, closed and unanswered; refunds carried on."""

    read: int = 0
    moved: int = 0
    unanswered: int = 0
    refunds: int = 0
    closed: int = 0

    def idle(self) -> bool:
        return not (self.read or self.unanswered or self.refunds or self.closed)


class Reconciliations:
    def __init__(
        self,
        database: Database,
        gateways: Mapping[str, Gateway],
        settlements: Settlements,
        refunding: Refunds,
        shutdown: Shutdown,
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._settlements = settlements
        self._refunds = refunding
        self._closings = Closings(database, settlements, shutdown)
        self._shutdown = shutdown
        self._paces = {name: Pace() for name in gateways}

    async def maintain(self) -> None:
        """Expires orders and holds, and deletes what was kept long enough. Harmless beside pg_cron,
        which may do the same."""
        done = await self._database.as_service().run_maintenance()
        log.debug("maintenance_done", **done.model_dump())
        if any(done.purged.values()):
            log.info("purged", **done.purged)

    async def once(self) -> Round:
        """Everything that is due now, of the gateways that answer."""
        total = Round()
        while not self._shutdown.has_begun() and (
            refunds := await self._refunds.work_off(_REFUNDS)
        ):
            total.refunds += refunds
        await asyncio.gather(
            *(self._catch_up(each, total) for each in self._gateways.values()),
            *(self._close(each, total) for each in self._gateways.values()),
        )
        if not total.idle():
            log.info("reconciled", **vars(total))
        return total

    async def _close(self, gateway: Gateway, total: Round) -> None:
        if self._paces[gateway.name].resting():
            return
        closed, unanswered = await self._closings.work_off(gateway)
        total.closed += closed
        total.unanswered += unanswered

    async def _catch_up(self, gateway: Gateway, total: Round) -> None:
        pace = self._paces[gateway.name]
        service = self._database.as_service()
        while not (pace.resting() or self._shutdown.has_begun()):
            batch = await service.claim_payments(gateway.name, _BATCH if not pace.failures else 1)
            if not batch:
                return
            unread = await self._read_all(gateway, batch, total)
            if unread:
                total.unanswered += len(unread)
                await service.return_payments([each.order.order_id for each in unread])
            if self._shutdown.has_begun():
                return
            if len(unread) >= min(_DOWN_AFTER, len(batch)):
                seconds = pace.failed()
                log.warning("reconciler_slowed", gateway=gateway.name, seconds=round(seconds))
                return
            pace.recovered()

    async def _read_all(
        self, gateway: Gateway, batch: Sequence[OrderToRead], total: Round
    ) -> list[OrderToRead]:
        """Reads a batch. Returns the orders about which the gateway gave no answer.

        After three without an answer the rest is not asked about, and a server that stops begins no
        other read.
        """
        waiting = list(reversed(batch))
        unread: list[OrderToRead] = []

        async def work() -> None:
            while waiting and len(unread) < _DOWN_AFTER and not self._shutdown.has_begun():
                each = waiting.pop()
                if not await self._answered(gateway, each, total):
                    unread.append(each)

        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(_AT_ONCE):
                    workers.create_task(work())
        except ExceptionGroup as failed:
            # One says it all: the database is gone.
            raise failed.exceptions[0] from failed
        return unread + waiting

    async def _answered(self, gateway: Gateway, each: OrderToRead, total: Round) -> bool:
        """Reads one order. False where the gateway itself gave no answer, not even nonsense."""
        with bound_contextvars(order_id=each.order.order_id, gateway=gateway.name):
            try:
                total.moved += await self._read(gateway, each)
                total.read += 1
            except GatewayUnavailable as error:
                return isinstance(error, GatewayNonsense)
            except TryAgain:
                log.info("left_to_the_next_read")
            return True

    async def _read(self, gateway: Gateway, each: OrderToRead) -> bool:
        """Reads an order and applies the read. True where the order moved.

        An order of which the gateway knows no payment stays as it is. Where the read brings nothing
        new, the virtual account that the order waits for is read too: it is another attempt.
        """
        order = each.order
        try:
            fact = await self._fact(gateway, order, each.attempt_key)
            moved = await self._applied(gateway, order, fact)
            if not moved and order.payment_key not in {None, fact.payment_key}:
                moved = await self._settled(gateway, order, order.payment_key)
        except PaymentRefused as refusal:
            log.debug("not_at_gateway", code=refusal.code)
            return False
        return moved

    async def _applied(self, gateway: Gateway, order: OrderRecord, fact: GatewayPayment) -> bool:
        settled = await self._settlements.apply(order, fact, "reconcile")
        if settled.outcome == "stale":
            return await self._settled(gateway, order, fact.payment_key)
        return settled.outcome != "unchanged"

    async def _settled(self, gateway: Gateway, order: OrderRecord, payment_key: str | None) -> bool:
        settled = await self._settlements.settle(gateway, order.order_id, payment_key, "reconcile")
        return settled.outcome != "unchanged"

    @staticmethod
    async def _fact(
        gateway: Gateway, order: OrderRecord, attempt_key: str | None
    ) -> GatewayPayment:
        """A read of the attempt that was paid, or else of the order.

        What the gateway shows for the order may be another attempt than the account that waits for
        its deposit. A gateway that finds payments by their own id only is asked about the latest
        attempt that we know.
        """
        paid = order.payment_key if order.paid else None
        try:
            return await fact_about(order, gateway, paid)
        except PaymentUnknownAtGateway:
            if paid is not None or attempt_key is None:
                raise
        return await fact_about(order, gateway, attempt_key)
