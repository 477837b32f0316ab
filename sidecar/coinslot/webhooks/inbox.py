"""The webhook inbox: store what a gateway sends, answer, and hand it to the worker.

A webhook is stored before it is answered, and finished in the transaction that applies its read.
A process that dies in between leaves a leased row. Once the lease is over, the sweep of any process
takes it up. A process that is asked to stop gives back what it has no time for.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from coinslot.errors import CoinslotError, InvalidPaymentKey
from coinslot.gateways.base import gateway_named
from coinslot.jitter import about
from coinslot.metrics import WEBHOOKS
from coinslot.order_ids import ORDER_ID, bind_order
from coinslot.traces import span
from coinslot.webhooks.fair_semaphore import FairSemaphore
from coinslot.webhooks.worker import Hint, WebhookWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from coinslot.database import Database
    from coinslot.database.records import Webhook
    from coinslot.gateways.base import Gateway, WebhookEvent
    from coinslot.payments.settlements import Settlements
    from coinslot.settings.deployment import Settings
    from coinslot.shutdown import Shutdown

log = structlog.get_logger(__name__)

# Counted from before the webhook is stored, and shorter than its lease: so two processes never work
# on one.
SECONDS_PER_WEBHOOK = 25.0
# The first retries come within this time. So the sweep looks often after a sign of work.
_SECONDS_OF_HASTE = 15.0
# For giving back, at the end, what is not finished.
_SECONDS_TO_RETURN = 2.0
# Turns of the loop until a read is sent: one for its webhook's task, one for that which webhooks of
# one payment share.
_TURNS_TO_SET_OUT = 2
# Webhooks that may wait for each place in this process. Further ones are left to a sweep.
_WAITING_PER_PLACE = 32
# Webhooks that this process's own sweep may have claimed, for each place.
_CLAIMED_PER_PLACE = 4


class Inbox:
    def __init__(
        self,
        database: Database,
        gateways: Mapping[str, Gateway],
        settlements: Settlements,
        settings: Settings,
        shutdown: Shutdown,
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._worker = WebhookWorker(database, gateways, settlements)
        self._shutdown = shutdown
        self._most = settings.coinslot_inbox_concurrency
        self._places = FairSemaphore(self._most)
        self._hasty_seconds = settings.coinslot_sweep_seconds
        self._idle_seconds = settings.coinslot_sweep_idle_seconds
        self._tasks: dict[asyncio.Task[None], Hint] = {}
        self._swept: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.Task[None] | None = None
        self._expected = asyncio.Event()
        self._room_again = asyncio.Event()
        self._hasty_until = 0.0

    async def take(self, gateway_name: str, headers: Mapping[str, str], body: bytes) -> str:
        """Stores a webhook and returns the verdict. The read of its payment goes on after that.

        Raises `GatewayOff`, `InvalidSignature` or `InvalidRequest` for what is no webhook of this
        gateway, and `DatabaseUnavailable`, upon which the gateway sends it again.
        """
        gateway = gateway_named(self._gateways, gateway_name)
        try:
            verdict = await self._take(gateway, headers, body)
        except CoinslotError as error:
            WEBHOOKS.labels(gateway.name, error.code).inc()
            raise
        WEBHOOKS.labels(gateway.name, verdict).inc()
        return verdict

    async def _take(self, gateway: Gateway, headers: Mapping[str, str], body: bytes) -> str:
        received = time.monotonic()
        event = gateway.parse_webhook(headers, body)
        if event is None:
            return "ignored"
        if event.event_id is None and not _could_be_ours(gateway, event):
            return "unknown_order"
        with span("webhook stored", gateway=gateway.name, type=_of_signed(event)) as told:
            stored = await self._database.as_service().store_webhook(
                gateway.name, event.arguments(), busy=self._is_busy()
            )
            told.tell(webhook=stored.webhook_id, verdict=stored.verdict)
        order_id = stored.order.order_id if stored.order else event.order_id
        bind_order(order_id)
        if stored.verdict == "read" and stored.webhook_id is not None:
            self._begin(
                Hint(
                    stored.webhook_id,
                    gateway.name,
                    order_id,
                    event.payment_key,
                    received + SECONDS_PER_WEBHOOK,
                    stored.order,
                    received,
                )
            )
            # The answer is written while the read is on its way.
            for _ in range(_TURNS_TO_SET_OUT):
                await asyncio.sleep(0)
        if stored.verdict in {"read", "scheduled"}:
            self._expect_work()
        return stored.verdict

    async def claim(self) -> int:
        """Begins webhooks that are due, as far as there is room beside new ones; how many."""
        free = self._most * _CLAIMED_PER_PLACE - len(self._swept)
        if free <= 0:
            return 0
        until = time.monotonic() + SECONDS_PER_WEBHOOK
        claimed = await self._database.as_service().claim_webhooks(free)
        for webhook in claimed:
            self._swept.add(self._begin(_claimed_hint(webhook, until), left_over=True))
        if claimed:
            self._expect_work()
        return len(claimed)

    async def work_off(self, tell: Callable[[int], None] | None = None) -> None:
        """Does everything that is due now, in this process alone. `tell` hears how many began."""
        begun = 0
        while claimed := await self.claim():
            begun += claimed
            if tell is not None:
                tell(begun)
            await asyncio.wait(set(self._tasks))

    def start(self) -> None:
        self._sweeping = asyncio.create_task(self._sweep())

    async def close(self) -> None:
        """Takes up nothing more and finishes what it began, as far as there is time; the rest is
        for whoever looks next."""
        self._shutdown.begin()
        if self._sweeping is not None:
            # Not while it claims: what it was given would be nobody's until the lease ends.
            await asyncio.wait([self._sweeping], timeout=self._shutdown.left())
            self._sweeping.cancel()
        await self.settle(self._shutdown.left())

    async def settle(self, seconds: float) -> None:
        """Waits for what was begun, and gives back what takes longer: nothing is under way then."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)
        unfinished = dict(self._tasks)
        for task in unfinished:
            task.cancel()
        await self._worker.close()
        if unfinished:
            await self._give_back([hint.webhook_id for hint in unfinished.values()])

    async def _give_back(self, webhooks: list[int]) -> None:
        log.warning("webhooks_given_back", webhooks=webhooks)
        try:
            async with asyncio.timeout(_SECONDS_TO_RETURN):
                await self._database.as_service().return_webhooks(webhooks)
        except (CoinslotError, TimeoutError):
            log.warning("webhooks_left_to_their_lease", webhooks=webhooks)

    def _is_busy(self) -> bool:
        """True where a webhook that comes now is left to another process or to a later time."""
        return self._shutdown.has_begun() or len(self._tasks) >= self._most * _WAITING_PER_PLACE

    def _begin(self, hint: Hint, *, left_over: bool = False) -> asyncio.Task[None]:
        task = asyncio.create_task(self._follow(hint, left_over=left_over))
        self._tasks[task] = hint
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        self._swept.discard(task)
        if len(self._swept) <= self._most:
            self._room_again.set()

    async def _follow(self, hint: Hint, *, left_over: bool) -> None:
        bind_order(hint.order_id, gateway=hint.gateway, webhooks=[hint.webhook_id])
        owner = hint.order.user_id if hint.order else ""
        try:
            async with (
                asyncio.timeout(hint.until - time.monotonic()),
                self._places.one(left_over=left_over, owner=owner),
            ):
                await self._worker.follow(hint)
        except TimeoutError:
            log.warning("webhook_left_to_the_sweep", code="too_slow")

    async def _sweep(self) -> None:
        """Many processes do this side by side: the database gives each row to one of them."""
        while not self._shutdown.has_begun():
            claimed = 0
            try:
                claimed = await self.claim()
            except CoinslotError as error:
                log.warning("sweep_failed", code=error.code)
            except Exception:
                log.exception("sweep_failed")
            await (self._room() if claimed else self._rest())

    async def _room(self) -> None:
        """Waits until what was claimed has begun. Then there may be more to claim."""
        if len(self._swept) > self._most:
            self._room_again.clear()
            await self._shutdown.cutting_short(self._room_again.wait)

    async def _rest(self) -> None:
        if time.monotonic() >= self._hasty_until:
            self._expected.clear()
            try:
                idle = about(self._idle_seconds)
                await self._shutdown.cutting_short(
                    lambda: asyncio.wait_for(self._expected.wait(), idle)
                )
            except TimeoutError:
                return
        await self._shutdown.within(self._hasty_seconds)

    def _expect_work(self) -> None:
        self._hasty_until = time.monotonic() + _SECONDS_OF_HASTE
        self._expected.set()


def _could_be_ours(gateway: Gateway, event: WebhookEvent) -> bool:
    """An unsigned hint costs nothing unless it names what an order or a payment of ours may be."""
    if event.order_id is not None and not ORDER_ID.fullmatch(event.order_id):
        return False
    if event.payment_key is None:
        return event.order_id is not None
    try:
        gateway.check_key(event.payment_key)
    except InvalidPaymentKey:
        return False
    return True


def _claimed_hint(webhook: Webhook, until: float) -> Hint:
    # How long it has waited is by the database's clock, which may be another than ours.
    taken, since = map(datetime.fromisoformat, (webhook.taken_at, webhook.waiting_since))
    return Hint(
        webhook.id,
        webhook.gateway,
        webhook.order_id or None,
        webhook.payment_key or None,
        until,
        received=time.monotonic() - (taken - since).total_seconds(),
    )


def _of_signed(event: WebhookEvent) -> str | None:
    """The type of event, unless anybody may have made it up."""
    return event.event_type if event.event_id is not None else None
