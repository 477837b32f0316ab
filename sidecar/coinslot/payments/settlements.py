"""From a payment at the gateway to the database's verdict: open, read, apply.

Nothing here computes a balance or chooses a state, and nothing is locked while a gateway is being
asked: the version of the order that was opened tells the database whether the read is the newest.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from coinslot.errors import DatabaseError, PaymentNotFound, PaymentRefused, TryAgain
from coinslot.order_ids import bind_order
from coinslot.single_flight import SingleFlight

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from coinslot.database import Database
    from coinslot.database.records import Payment
    from coinslot.gateways.base import Gateway, GatewayPayment

log = structlog.get_logger(__name__)

STALE_ATTEMPTS = 6


@dataclass(frozen=True, slots=True)
class Stray:
    """Money that came in for an order through another gateway than the order's own."""

    order: Payment
    gateway: str
    fact: GatewayPayment


class WrongGateway(PaymentRefused):
    code = "wrong_gateway"

    def __init__(self, stray: Stray | None) -> None:
        super().__init__()
        self.stray = stray


@dataclass(frozen=True, slots=True)
class Settled:
    """What one fresh read said, and what the database made of it."""

    payment: Payment
    outcome: str
    fact: GatewayPayment


class Settlements:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._runs: SingleFlight[Settled] = SingleFlight()

    async def settle(
        self, gateway: Gateway, order_id: str, payment_key: str | None, source: str
    ) -> Settled:
        """Racing callers of one payment share their reads, or each would make the others stale.

        Raises `PaymentNotFound`, `PaymentRefused`, `TryAgain`, and what database and gateway raise.
        """
        return await self.together(
            (gateway.name, order_id, payment_key),
            lambda: self._read_and_apply(gateway, order_id, payment_key, source),
        )

    async def together(
        self, key: tuple[str | None, ...], work: Callable[[], Coroutine[None, None, Settled]]
    ) -> Settled:
        """One run at a time of what `key` names, shared by all who asked before it began."""
        return await self._runs.run(key, work)

    async def close(self, seconds: float) -> None:
        """Finishes what it began, as far as there is time: the money may be taken, though whoever
        asked is gone."""
        if unfinished := await self._runs.drain(seconds):
            log.warning("settling_cut_short", runs=unfinished)

    async def open(self, order_id: str) -> Payment:
        try:
            return await self._database.as_service().open_payment(order_id)
        except DatabaseError as error:
            if error.code == "order_not_found":
                raise PaymentNotFound from error
            raise

    async def apply(
        self, order: Payment, fact: GatewayPayment, source: str, webhook_id: int | None = None
    ) -> Settled:
        """Outcome `stale`: somebody applied a newer read after `order` was opened."""
        applied = await self._database.as_service().apply_gateway_payment(
            order.order_id,
            order.gateway,
            source,
            order.version,
            fact.arguments(),
            webhook_id=webhook_id,
        )
        log.info("settled", order_id=order.order_id, source=source, outcome=applied.outcome)
        return Settled(applied.payment or order, applied.outcome, fact)

    async def refuse(
        self, order_id: str, payment_key: str | None, refusal: PaymentRefused, source: str
    ) -> None:
        """Leaves an event behind; nothing else changes. Of money that went astray the database
        hears all, and calls a person. `TryAgain` where a newer read was applied meanwhile."""
        log.warning("attempt_refused", order_id=order_id, reason=refusal.code)
        if isinstance(refusal, WrongGateway) and refusal.stray is not None:
            await self._apply_stray(refusal.stray, source)
            return
        await self._database.as_service().refuse_payment_attempt(
            order_id, payment_key or "", refusal.code, source
        )

    async def _apply_stray(self, stray: Stray, source: str) -> None:
        order = stray.order
        applied = await self._database.as_service().apply_gateway_payment(
            order.order_id, stray.gateway, source, order.version, stray.fact.arguments()
        )
        if applied.outcome == "stale":
            raise TryAgain

    async def _read_and_apply(
        self, gateway: Gateway, order_id: str, payment_key: str | None, source: str
    ) -> Settled:
        bind_order(order_id)  # in this run's own task, which all who asked share
        for attempt in range(STALE_ATTEMPTS):
            order = await self.open(order_id)
            try:
                fact = await fact_about(order, gateway, payment_key)
            except PaymentRefused as refusal:
                await self.refuse(order_id, payment_key, refusal, source)
                raise
            settled = await self.apply(order, fact, source)
            if settled.outcome != "stale":
                return settled
            await back_off(attempt)
        raise TryAgain


async def fact_about(order: Payment, gateway: Gateway, payment_key: str | None) -> GatewayPayment:
    """A fresh read that is about this order; `PaymentRefused` where it is not."""
    if order.gateway != gateway.name:
        raise WrongGateway(await _stray(order, gateway, payment_key))
    return of_order(order, await gateway.read(order.order_id, payment_key))


async def _stray(order: Payment, gateway: Gateway, payment_key: str | None) -> Stray | None:
    try:
        fact = of_order(order, await gateway.read(order.order_id, payment_key))
    except PaymentRefused:
        return None
    # Also what went back since: it ends what a person was called for.
    return Stray(order, gateway.name, fact) if fact.paid > 0 else None


def of_order(order: Payment, fact: GatewayPayment) -> GatewayPayment:
    if fact.order_id != order.order_id:
        raise PaymentRefused(code="wrong_order")
    return fact


async def back_off(attempt: int) -> None:
    """The jitter keeps two servers from making each other stale in step."""
    await asyncio.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311
