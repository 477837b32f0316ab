"""The use cases: check out, complete, take a webhook.

Each ends the same way: open the order, ask the gateway, hand what it said to the database. Nothing
here computes a balance or chooses a state, and nothing is locked while a gateway is being asked.
"""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from sidecar.coalesce import Coalescer
from sidecar.errors import (
    AmountMismatch,
    DatabaseError,
    GatewayOff,
    InvalidPackage,
    NotPaidYet,
    PaymentNotFound,
    PaymentRefused,
    TryAgain,
)
from sidecar.gateways.base import Order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.database import Database
    from sidecar.gateways.base import Gateway, GatewayPayment, WebhookHint
    from sidecar.records import Payment

log = structlog.get_logger(__name__)

ORDER_ID = re.compile(r"ord_[A-Za-z0-9_-]{12,36}")
_PRODUCT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_STALE_ATTEMPTS = 6
_REREADS = 2
# What was bought stays bought when a part of it is refunded later.
_BOUGHT = frozenset({"completed", "partially_refunded"})


@dataclass(frozen=True, slots=True)
class Settled:
    """What one fresh read said, and what the database made of it."""

    payment: Payment
    outcome: str
    fact: GatewayPayment


class Payments:
    def __init__(
        self, database: Database, gateways: Mapping[str, Gateway], reread_seconds: float
    ) -> None:
        self.database = database
        self._gateways = gateways
        self._reread_seconds = reread_seconds
        self._settling: Coalescer[Settled] = Coalescer()

    def gateway(self, name: str) -> Gateway:
        gateway = self._gateways.get(name)
        if gateway is None:
            raise GatewayOff
        return gateway

    async def checkout(
        self, token: str, product_id: str, gateway_name: str, idempotency_key: str | None
    ) -> tuple[Payment, Mapping[str, Any]]:
        """A new order, payable, and what the browser needs besides it to pay."""
        gateway = self.gateway(gateway_name)
        if not _PRODUCT_ID.fullmatch(product_id):
            raise InvalidPackage
        order = await self._create_order(token, product_id, gateway_name, idempotency_key)
        if order.status != "pending":
            return order, {}
        prepared = await gateway.prepare(
            Order(order.order_id, order.name, order.amount, order.currency)
        )
        return order, prepared

    async def complete(
        self,
        gateway_name: str,
        order_id: str,
        payment_key: str,
        source: str,
        token: str | None = None,
    ) -> Payment:
        """The order, bought or waiting for a deposit; `PaymentRefused` for anything else.

        Needs no identity, since the gateway's word decides. A token, if sent, must be the owner's.
        """
        gateway = self.gateway(gateway_name)
        if not ORDER_ID.fullmatch(order_id):
            raise PaymentNotFound
        gateway.check_key(payment_key)
        if token is not None:
            await self.owned(token, order_id)
        settled = await self._settle(gateway, order_id, payment_key, source)
        return _require_paid(settled)

    async def take_webhook(self, gateway_name: str, hint: WebhookHint) -> str:
        """Reads again what the webhook names; returns the verdict. Raises only what the gateway
        should answer by sending it again."""
        gateway = self.gateway(gateway_name)
        if not ORDER_ID.fullmatch(hint.order_id):
            return "unknown_order"
        try:
            gateway.check_key(hint.payment_key)
            return await self._follow(gateway, hint)
        except PaymentNotFound:
            return "unknown_order"
        except PaymentRefused as refusal:
            return refusal.code

    async def owned(self, token: str, order_id: str) -> Payment:
        """The order, if it belongs to whoever the token is."""
        if not ORDER_ID.fullmatch(order_id):
            raise PaymentNotFound
        payment = await self.database.as_user(token).payment(order_id)
        if payment is None:
            raise PaymentNotFound
        return payment

    async def _follow(self, gateway: Gateway, hint: WebhookHint) -> str:
        """A webhook may overtake the gateway's own records, so «paid» is read again shortly."""
        for reread in range(1 + _REREADS):
            await asyncio.sleep(reread * self._reread_seconds)
            settled = await self._settle(gateway, hint.order_id, hint.payment_key, "webhook")
            if not hint.claims_paid or settled.fact.paid or settled.fact.state == "canceled":
                return settled.outcome
        raise NotPaidYet

    async def _create_order(
        self, token: str, product_id: str, gateway_name: str, idempotency_key: str | None
    ) -> Payment:
        try:
            return await self.database.as_user(token).create_order(
                product_id, gateway_name, idempotency_key=idempotency_key
            )
        except DatabaseError as error:
            if error.code == "product_not_found":
                raise InvalidPackage from error
            raise

    async def _settle(
        self, gateway: Gateway, order_id: str, payment_key: str, source: str
    ) -> Settled:
        """Racing callers of one payment share their reads, or each would make the others stale."""
        return await self._settling.run(
            (order_id, payment_key),
            lambda: self._read_and_apply(gateway, order_id, payment_key, source),
        )

    async def _read_and_apply(
        self, gateway: Gateway, order_id: str, payment_key: str, source: str
    ) -> Settled:
        service = self.database.as_service()
        for attempt in range(_STALE_ATTEMPTS):
            order = await self._open(order_id)
            fact = await self._read(gateway, order, payment_key, source)
            applied = await service.apply_gateway_payment(
                order_id, gateway.name, source, order.version, fact.arguments()
            )
            log.info("settled", order_id=order_id, source=source, outcome=applied.outcome)
            if applied.outcome != "stale":
                return Settled(applied.payment or order, applied.outcome, fact)
            # Somebody applied a newer read in between; the jitter keeps two servers from pacing.
            await asyncio.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311
        raise TryAgain

    async def _open(self, order_id: str) -> Payment:
        try:
            return await self.database.as_service().open_payment(order_id)
        except DatabaseError as error:
            if error.code == "order_not_found":
                raise PaymentNotFound from error
            raise

    async def _read(
        self, gateway: Gateway, order: Payment, payment_key: str, source: str
    ) -> GatewayPayment:
        """A fact about this order, or a refusal that leaves an event behind."""
        try:
            return await _fact_about(order, gateway, payment_key)
        except PaymentRefused as refusal:
            log.warning("attempt_refused", order_id=order.order_id, reason=refusal.code)
            await self.database.as_service().refuse_payment_attempt(
                order.order_id, payment_key, refusal.code, source
            )
            raise


async def _fact_about(order: Payment, gateway: Gateway, payment_key: str) -> GatewayPayment:
    if order.gateway != gateway.name:
        raise PaymentRefused(code="wrong_gateway")
    fact = await gateway.read(payment_key)
    if fact.order_id != order.order_id:
        raise PaymentRefused(code="wrong_order")
    return fact


def _require_paid(settled: Settled) -> Payment:
    """The order's own status answers, except for a payment that could never have paid it."""
    payment, fact = settled.payment, settled.fact
    if (fact.amount, fact.currency) != (payment.amount, payment.currency):
        raise AmountMismatch
    if fact.live != payment.live:
        raise PaymentRefused(code="wrong_mode", status=payment.status)
    if payment.status in _BOUGHT or payment.status == "awaiting_deposit":
        return payment
    raise PaymentRefused(code=f"payment_{payment.status}", status=payment.status)
