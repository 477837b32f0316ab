"""From a payment at the gateway to the database's verdict: open the order, read, apply.

Nothing here computes a balance or chooses a state, and nothing is locked while a gateway is asked.
The version of the order, opened before the read, tells the database whether the read is the newest.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from coinslot.errors import (
    CoinslotError,
    DatabaseError,
    OrderNotFound,
    PaymentRefused,
    PaymentUnknownAtGateway,
    TryAgain,
)
from coinslot.order_ids import bind_order
from coinslot.single_flight import SingleFlight
from coinslot.traces import span

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from coinslot.database import Database
    from coinslot.database.records import Applied, OrderRecord, WebhookVerdict
    from coinslot.gateways.base import Gateway, GatewayPayment

log = structlog.get_logger(__name__)

_STALE_ATTEMPTS = 6


@dataclass(frozen=True, slots=True)
class Stray:
    """Money that came in for an order through another gateway than the order's own."""

    order: OrderRecord
    gateway: str
    fact: GatewayPayment


class WrongGateway(PaymentRefused):
    """The order is of another gateway. `stray` is the money that this one took for it, if any."""

    code = "wrong_gateway"

    def __init__(self, stray: Stray | None) -> None:
        super().__init__()
        self.stray = stray


@dataclass(frozen=True, slots=True)
class Settled:
    """The result of one fresh read: the order after it, the outcome, and what was read."""

    order: OrderRecord
    outcome: str
    fact: GatewayPayment
    webhooks: Sequence[WebhookVerdict] = ()


class Settlements:
    """The only caller of the funnel `coinslot_apply_gateway_payment`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._runs: SingleFlight[Settled] = SingleFlight()

    async def settle(
        self, gateway: Gateway, order_id: str, payment_key: str | None, source: str
    ) -> Settled:
        """Reads one payment and applies the read.

        Racing callers share their reads, since each would make the others stale. Raises
        `OrderNotFound`, `PaymentRefused`, `TryAgain`, and what database and gateway raise.
        """
        return await self.together(
            (gateway.name, order_id, payment_key),
            lambda: self._settle(gateway, order_id, payment_key, source),
        )

    async def settle_webhooks(
        self,
        gateway: Gateway,
        order_id: str,
        payment_key: str | None,
        webhook_ids: Sequence[int],
        order: OrderRecord | None,
    ) -> Sequence[WebhookVerdict]:
        """Reads the payment of these webhooks once, and applies the read for all of them.

        `order` saves the first trip where it is known. Money for an order that the database does
        not know is kept for a person. Raises as `settle` does, but for `OrderNotFound`.
        """
        try:
            order = order or await self.open(order_id)
        except OrderNotFound:
            fact = await gateway.read(order_id, payment_key)
            applied = await self._apply(
                fact.order_id, gateway.name, 0, fact, source="webhook", webhook_ids=webhook_ids
            )
            if applied.outcome == "stale":  # the order has come into being since
                raise TryAgain from None
            return applied.webhooks
        settled = await self._settle(
            gateway, order_id, payment_key, "webhook", order=order, webhook_ids=webhook_ids
        )
        return settled.webhooks

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

    async def open(self, order_id: str) -> OrderRecord:
        """The order, with the version against which a read is applied."""
        try:
            return await self._database.as_service().open_payment(order_id)
        except DatabaseError as error:
            if error.code == "order_not_found":
                raise OrderNotFound from error
            raise

    async def attempt_key(self, order: OrderRecord) -> str | None:
        """The gateway's id of the latest payment that is known of an order."""
        return await self._database.as_service().attempt_key(order.order_id)

    async def apply(
        self,
        order: OrderRecord,
        fact: GatewayPayment,
        source: str,
        webhook_ids: Sequence[int] = (),
    ) -> Settled:
        """Applies a read. The outcome is `stale` where somebody applied a newer one after `order`
        was opened."""
        # First: whatever ends between the two is begun anew, as long as the order is not credited.
        if fact.fingerprint and fact.paid > 0 and order.confirmed_at is None:
            await self._note_instrument(order.order_id, fact.fingerprint)
        applied = await self._apply(
            order.order_id,
            order.gateway,
            order.version,
            fact,
            source=source,
            webhook_ids=webhook_ids,
        )
        log.info("settled", order_id=order.order_id, source=source, outcome=applied.outcome)
        return Settled(applied.order or order, applied.outcome, fact, applied.webhooks)

    async def _note_instrument(self, order_id: str, fingerprint: str) -> None:
        """Keeps what tells who invites oneself. The money is settled, whatever comes of this."""
        try:
            await self._database.as_service().note_instrument(order_id, fingerprint)
        except CoinslotError as error:
            log.warning("instrument_not_noted", order_id=order_id, code=error.code)

    async def refuse(
        self, order_id: str, payment_key: str | None, refusal: PaymentRefused, source: str
    ) -> None:
        """Leaves an event at the order; nothing else changes.

        Money that another gateway took is applied as such, so that the database calls a person.
        Raises `TryAgain` where a newer read was applied meanwhile.
        """
        log.warning("attempt_refused", order_id=order_id, reason=refusal.code)
        if isinstance(refusal, WrongGateway) and refusal.stray is not None:
            await self._apply_stray(refusal.stray, source)
            return
        await self._database.as_service().refuse_payment_attempt(
            order_id, payment_key or "", refusal.code, source
        )

    async def call_off(
        self, token: str, order_id: str, refusal: PaymentRefused, source: str
    ) -> None:
        """Cancels an order that nobody can pay, so that it does not take the place of another. The
        refusal is told, whatever becomes of that: the order expires by itself, too."""
        try:
            await self.refuse(order_id, None, refusal, source)
            await self._database.as_user(token).cancel_order(order_id)
        except CoinslotError as error:
            log.warning("order_not_called_off", order_id=order_id, code=error.code)

    async def _settle(
        self,
        gateway: Gateway,
        order_id: str,
        payment_key: str | None,
        source: str,
        *,
        order: OrderRecord | None = None,
        webhook_ids: Sequence[int] = (),
    ) -> Settled:
        """A read that is applied.

        A webhook that names what the gateway does not know may be anybody's: it leaves no event.
        """
        bind_order(order_id)  # in the log lines of this run, which several callers may share
        with span("settle", source=source, order=order_id, gateway=gateway.name) as told:
            settled = await self._settle_in_turns(
                gateway, order_id, payment_key, source, order=order, webhook_ids=webhook_ids
            )
            told.tell(outcome=settled.outcome)
            return settled

    async def _settle_in_turns(
        self,
        gateway: Gateway,
        order_id: str,
        payment_key: str | None,
        source: str,
        *,
        order: OrderRecord | None,
        webhook_ids: Sequence[int],
    ) -> Settled:
        """The one loop: open, read, apply, and again where the read was overtaken."""
        for attempt in range(_STALE_ATTEMPTS):
            order = order or await self.open(order_id)
            try:
                fact = await fact_about(order, gateway, payment_key)
            except PaymentRefused as refusal:
                if not (source == "webhook" and isinstance(refusal, PaymentUnknownAtGateway)):
                    await self.refuse(order_id, payment_key, refusal, source)
                raise
            settled = await self.apply(order, fact, source, webhook_ids)
            if settled.outcome != "stale":
                return settled
            order = None
            await _back_off(attempt)
        raise TryAgain

    async def _apply_stray(self, stray: Stray, source: str) -> None:
        order = stray.order
        applied = await self._apply(
            order.order_id, stray.gateway, order.version, stray.fact, source=source
        )
        if applied.outcome == "stale":
            raise TryAgain

    async def _apply(
        self,
        order_id: str,
        gateway: str,
        version: int,
        fact: GatewayPayment,
        *,
        source: str,
        webhook_ids: Sequence[int] = (),
    ) -> Applied:
        return await self._database.as_service().apply_gateway_payment(
            order_id, gateway, source, version, fact.arguments(), webhook_ids=webhook_ids
        )


async def fact_about(
    order: OrderRecord, gateway: Gateway, payment_key: str | None
) -> GatewayPayment:
    """A fresh read that is about this order. Raises `PaymentRefused` where it is not."""
    if order.gateway != gateway.name:
        raise WrongGateway(await _stray(order, gateway, payment_key))
    return of_order(order, await gateway.read(order.order_id, payment_key))


async def _stray(order: OrderRecord, gateway: Gateway, payment_key: str | None) -> Stray | None:
    try:
        fact = of_order(order, await gateway.read(order.order_id, payment_key))
    except PaymentRefused:
        return None
    # Money that has gone back since is told too: that closes the open discrepancy.
    return Stray(order, gateway.name, fact) if fact.paid > 0 else None


def of_order(order: OrderRecord, fact: GatewayPayment) -> GatewayPayment:
    """The fact, if the payment names this order. Raises `PaymentRefused` otherwise."""
    if fact.order_id != order.order_id:
        raise PaymentRefused(code="wrong_order")
    return fact


async def _back_off(attempt: int) -> None:
    """The jitter keeps two servers from making each other stale in step."""
    await asyncio.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311
