"""The work that a stored webhook leads to: a fresh read of its payment, applied, and the end of it.

Webhooks about one payment that come together share a read. The database applies the read once and
judges each of them by its own claim.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from coinslot.errors import (
    CoinslotError,
    DatabaseUnavailable,
    OrderNotFound,
    PaymentRefused,
    PaymentUnknownAtGateway,
)
from coinslot.gateways.base import gateway_named
from coinslot.metrics import WEBHOOK_LAG, WEBHOOK_OUTCOMES
from coinslot.order_ids import ORDER_ID, bind_order
from coinslot.single_flight import SingleFlight
from coinslot.traces import span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coinslot.database import Database
    from coinslot.database.records import OrderRecord, WebhookVerdict
    from coinslot.gateways.base import Gateway
    from coinslot.payments.settlements import Settlements

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hint:
    """A webhook that is leased to us.

    `order` is the order as it was when the lease began. `received` is the time at which the
    webhook came, and `until` the time at which the lease is over; both in seconds of this process's
    monotonic clock. A read that ends after `until` has no say in what becomes of the webhook.
    """

    webhook_id: int
    gateway: str
    order_id: str | None
    payment_key: str | None
    until: float
    order: OrderRecord | None = None
    received: float = field(default_factory=time.monotonic)


class WebhookWorker:
    def __init__(
        self, database: Database, gateways: Mapping[str, Gateway], settlements: Settlements
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._settlements = settlements
        self._runs: SingleFlight[None] = SingleFlight()
        self._waiting: dict[tuple[str | None, ...], list[Hint]] = {}

    async def follow(self, hint: Hint) -> None:
        """Finishes the webhook, or has it read again later.

        Where the database is away it is left to its lease. Raises nothing that a gateway or the
        database said.
        """
        key = (hint.gateway, hint.order_id, hint.payment_key)
        self._waiting.setdefault(key, []).append(hint)
        await self._runs.run(key, lambda: self._follow_together(self._waiting.pop(key)))

    async def close(self) -> None:
        """Ends at once: whoever follows a hint has waited for its end."""
        await self._runs.drain(0)
        self._waiting.clear()

    async def _follow_together(self, hints: list[Hint]) -> None:
        """All `hints` are about one payment. Those whose lease is over are left to the sweep."""
        hints = [hint for hint in hints if time.monotonic() < hint.until]
        if not hints:
            return
        bind_order(hints[0].order_id, webhooks=[hint.webhook_id for hint in hints])
        first = hints[0]
        try:
            with span("webhook followed", webhook=first.webhook_id, gateway=first.gateway):
                async with asyncio.timeout(min(hint.until for hint in hints) - time.monotonic()):
                    await self._follow_in_time(hints)
        except TimeoutError:
            log.warning("webhook_left_to_the_sweep", code="too_slow")

    async def _follow_in_time(self, hints: list[Hint]) -> None:
        try:
            await self._settle(hints)
        except OrderNotFound:
            await self._finish(hints, "unknown_order")
        except PaymentUnknownAtGateway as unknown:
            # The gateway's records may lag behind its webhooks.
            await self._finish(hints, "not_yet", unknown.code, again=True)
        except PaymentRefused as refusal:
            await self._finish(hints, "refused", refusal.code)
        except DatabaseUnavailable as error:
            log.warning("webhook_left_to_the_sweep", code=error.code)
        except CoinslotError as error:
            await self._finish(hints, "failed", error.code, again=True)
        except Exception:
            log.exception("webhook_failed")
            await self._finish(hints, "failed", "internal", again=True)

    async def _settle(self, hints: list[Hint]) -> None:
        hint = hints[0]
        gateway = gateway_named(self._gateways, hint.gateway)
        order_id = hint.order_id
        if order_id is None:
            order_id = (await gateway.read(None, hint.payment_key)).order_id
        if not ORDER_ID.fullmatch(order_id):
            raise OrderNotFound
        bind_order(order_id)
        ids = [hint.webhook_id for hint in hints]
        verdicts = await self._settlements.settle_webhooks(
            gateway, order_id, hint.payment_key, ids, _newest(hints)
        )
        _count(hints, verdicts)

    async def _finish(
        self, hints: list[Hint], outcome: str, detail: str = "", *, again: bool = False
    ) -> None:
        service = self._database.as_service()
        log.info("webhook_finished", outcome=outcome, detail=detail)
        try:
            for hint in hints:
                verdict = await service.finish_webhook(
                    hint.webhook_id, outcome, detail, again=again
                )
                _count([hint], [verdict] if verdict else [])
        except CoinslotError as error:
            log.warning("webhook_left_to_the_sweep", code=error.code)


def _count(hints: list[Hint], verdicts: Sequence[WebhookVerdict]) -> None:
    """Counts each verdict once. A webhook that had ended before has none."""
    by_id = {hint.webhook_id: hint for hint in hints}
    for verdict in verdicts:
        hint = by_id[verdict.webhook_id]
        WEBHOOK_OUTCOMES.labels(hint.gateway, verdict.outcome).inc()
        if verdict.finished:
            WEBHOOK_LAG.labels(hint.gateway).observe(time.monotonic() - hint.received)


def _newest(hints: list[Hint]) -> OrderRecord | None:
    known = [hint.order for hint in hints if hint.order is not None]
    return max(known, key=lambda order: order.version, default=None)
