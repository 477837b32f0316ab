"""A gateway whose calls are timed, and their failures counted, whichever gateway it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coinslot.metrics import gateway_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    from coinslot.gateways.base import (
        Gateway,
        GatewayPayment,
        Order,
        Prepared,
        Refund,
        WebhookEvent,
    )
    from coinslot.gateways.billing import (
        Billing,
        Charge,
        Declined,
        Registration,
        StoredMethod,
    )
    from coinslot.gateways.cash_receipts import CashReceipt, CashReceiptIssuer, ReceiptStep
    from coinslot.gateways.listing import ListedPage


@dataclass(frozen=True, slots=True)
class MeteredBilling:
    name: str
    inner: Billing

    async def register(self, registration: Registration) -> Mapping[str, Any]:
        with gateway_call(self.name, "register"):
            return await self.inner.register(registration)

    async def registered(
        self, registration: Registration, carried: Mapping[str, str]
    ) -> StoredMethod:
        with gateway_call(self.name, "registered"):
            return await self.inner.registered(registration, carried)

    async def open(self, charge: Charge) -> GatewayPayment | None:
        with gateway_call(self.name, "open_charge"):
            return await self.inner.open(charge)

    async def charge(self, charge: Charge) -> Declined | None:
        with gateway_call(self.name, "charge"):
            return await self.inner.charge(charge)

    async def forget(self, customer: str, secret: Mapping[str, str]) -> None:
        with gateway_call(self.name, "forget"):
            await self.inner.forget(customer, secret)


@dataclass(frozen=True, slots=True)
class MeteredCashReceipts:
    name: str
    inner: CashReceiptIssuer

    async def issue(self, step: ReceiptStep) -> CashReceipt:
        with gateway_call(self.name, "issue_receipt"):
            return await self.inner.issue(step)

    async def cancel(self, step: ReceiptStep) -> CashReceipt:
        with gateway_call(self.name, "cancel_receipt"):
            return await self.inner.cancel(step)

    async def read(self, step: ReceiptStep) -> CashReceipt:
        with gateway_call(self.name, "read_receipt"):
            return await self.inner.read(step)


@dataclass(frozen=True, slots=True)
class MeteredGateway:
    gateway: Gateway

    @property
    def name(self) -> str:
        return self.gateway.name

    @property
    def currencies(self) -> frozenset[str] | None:
        return self.gateway.currencies

    @property
    def billing(self) -> MeteredBilling | None:
        inner = self.gateway.billing
        return None if inner is None else MeteredBilling(self.name, inner)

    @property
    def cash_receipts(self) -> MeteredCashReceipts | None:
        inner = self.gateway.cash_receipts
        return None if inner is None else MeteredCashReceipts(self.name, inner)

    def check_key(self, payment_key: str) -> None:
        self.gateway.check_key(payment_key)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
        return self.gateway.parse_webhook(headers, body)

    async def prepare(self, order: Order) -> Prepared:
        with gateway_call(self.name, "prepare"):
            return await self.gateway.prepare(order)

    async def read(self, order_id: str | None, payment_key: str | None) -> GatewayPayment:
        with gateway_call(self.name, "read"):
            return await self.gateway.read(order_id, payment_key)

    async def confirm(self, order: Order, payment_key: str) -> GatewayPayment:
        with gateway_call(self.name, "confirm"):
            return await self.gateway.confirm(order, payment_key)

    async def refund(self, refund: Refund) -> None:
        with gateway_call(self.name, "refund"):
            await self.gateway.refund(refund)

    async def close_order(self, order: Order, payment: GatewayPayment | None) -> None:
        with gateway_call(self.name, "close"):
            await self.gateway.close_order(order, payment)

    async def moved_between(self, since: datetime, until: datetime) -> AsyncIterator[ListedPage]:
        """Each page is a call."""
        pages = self.gateway.moved_between(since, until)
        while True:
            with gateway_call(self.name, "list"):
                page = await anext(pages, None)
            if page is None:
                return
            yield page

    async def close(self) -> None:
        await self.gateway.close()
