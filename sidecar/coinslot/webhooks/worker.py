"""What a stored webhook leads to: a fresh read of its payment, applied, and the webhook finished.

Hints about one payment that come together share a read. Each is still applied by itself, because
each may have claimed something else, and the database judges claim and read together.
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
    GatewayOff,
    PaymentNotFound,
    PaymentRefused,
    PaymentUnknownAtGateway,
    TryAgain,
)
from coinslot.metrics import WEBHOOK_LAG, WEBHOOK_OUTCOMES
from coinslot.order_ids import ORDER_ID, bind_order
from coinslot.payments.settlements import STALE_ATTEMPTS, Settlements, back_off, fact_about
from coinslot.single_flight import SingleFlight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinslot.database import Database
    from coinslot.database.records import Payment
    from coinslot.gateways.base import Gateway, GatewayPayment

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hint:
    """A webhook that is ours to follow. `payment` is the order as it was when that became so.
    `received` is when it came, and `until` when it is nobody's any more, in seconds of this
    process's steady clock: a read that ends later has no say in what became of the webhook."""

    webhook_id: int
    gateway: str
    order_id: str | None
    payment_key: str | None
    until: float
    payment: Payment | None = None
    claims_paid: bool = False
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
        """Ends with the hint finished, or scheduled again, or left to its lease where the database
        is away. Never raises what a gateway or the database said."""
        key = (hint.gateway, hint.order_id, hint.payment_key)
        self._waiting.setdefault(key, []).append(hint)
        await self._runs.run(key, lambda: self._follow_all(self._waiting.pop(key)))

    async def close(self) -> None:
        """At once: whoever follows a hint has waited for its end."""
        await self._runs.drain(0)

    async def _follow_all(self, hints: list[Hint]) -> None:
        """`hints` are of one payment; those that are done leave the list. Whoever asked may have
        given up, or have waited for the run before: what is too late is left to the sweep."""
        hints = [hint for hint in hints if time.monotonic() < hint.until]
        if not hints:
            return
        bind_order(hints[0].order_id, webhooks=_ids(hints))
        try:
            async with asyncio.timeout(min(hint.until for hint in hints) - time.monotonic()):
                await self._follow_in_time(hints)
        except TimeoutError:
            log.warning("webhook_left_to_the_sweep", code="too_slow")

    async def _follow_in_time(self, hints: list[Hint]) -> None:
        try:
            await self._settle(hints)
        except PaymentNotFound:
            await self._finish(hints, "unknown_order")
        except PaymentUnknownAtGateway as unknown:
            # Its records may lag behind its webhooks.
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
        gateway = self._gateways.get(hint.gateway)
        if gateway is None:
            raise GatewayOff
        order = _newest(hints) or await self._open(gateway, hints)
        for attempt in range(STALE_ATTEMPTS):
            fact = await self._read(gateway, order, hint.payment_key)
            order = await self._apply(order, fact, hints)
            if not hints:
                return
            await back_off(attempt)
            order = await self._settlements.open(order.order_id)
        raise TryAgain

    async def _apply(self, order: Payment, fact: GatewayPayment, hints: list[Hint]) -> Payment:
        """Leaves in `hints` those for which the read was overtaken by another."""
        while hints:
            settled = await self._settlements.apply(order, fact, "webhook", hints[0].webhook_id)
            order = settled.payment
            if settled.outcome == "stale":
                break
            _note(hints.pop(0), settled.outcome, fact)
        return order

    async def _open(self, gateway: Gateway, hints: list[Hint]) -> Payment:
        """The order that the hints name, or that their payment turns out to be for."""
        order_id = hints[0].order_id
        if order_id is None:
            order_id = (await gateway.read(None, hints[0].payment_key)).order_id
        if not ORDER_ID.fullmatch(order_id):
            raise PaymentNotFound
        bind_order(order_id)
        try:
            return await self._settlements.open(order_id)
        except PaymentNotFound:
            await self._apply_to_nothing(gateway, order_id, hints)
            raise

    async def _apply_to_nothing(self, gateway: Gateway, order_id: str, hints: list[Hint]) -> None:
        """Money for an order that the database does not know is kept for a person to look at. The
        database finishes the hints with that, and they leave the list."""
        fact = await gateway.read(order_id, hints[0].payment_key)
        service = self._database.as_service()
        while hints:
            applied = await service.apply_gateway_payment(
                fact.order_id,
                gateway.name,
                "webhook",
                0,
                fact.arguments(),
                webhook_id=hints[0].webhook_id,
            )
            if applied.outcome == "stale":
                raise TryAgain
            _note(hints.pop(0), applied.outcome, fact)

    async def _read(
        self, gateway: Gateway, order: Payment, payment_key: str | None
    ) -> GatewayPayment:
        try:
            return await fact_about(order, gateway, payment_key)
        except PaymentRefused as refusal:
            await self._settlements.refuse(order.order_id, payment_key, refusal, "webhook")
            raise

    async def _finish(
        self, hints: list[Hint], outcome: str, detail: str = "", *, again: bool = False
    ) -> None:
        if not hints:
            return
        service = self._database.as_service()
        log.info("webhook_finished", outcome=outcome, detail=detail)
        try:
            for hint in hints:
                await service.finish_webhook(hint.webhook_id, outcome, detail, again=again)
                _count(hint, outcome, over=not again)
        except CoinslotError as error:
            log.warning("webhook_left_to_the_sweep", code=error.code)


def _note(hint: Hint, outcome: str, fact: GatewayPayment) -> None:
    """What is claimed paid and not shown as paid yet, the database has read again."""
    waits = hint.claims_paid and fact.paid == 0 and fact.state in {"ready", "awaiting_deposit"}
    _count(hint, "not_yet" if waits else outcome, over=not waits)


def _count(hint: Hint, outcome: str, *, over: bool) -> None:
    WEBHOOK_OUTCOMES.labels(hint.gateway, outcome).inc()
    if over:
        WEBHOOK_LAG.labels(hint.gateway).observe(time.monotonic() - hint.received)


def _newest(hints: list[Hint]) -> Payment | None:
    known = [hint.payment for hint in hints if hint.payment is not None]
    return max(known, key=lambda payment: payment.version, default=None)


def _ids(hints: list[Hint]) -> list[int]:
    return [hint.webhook_id for hint in hints]
