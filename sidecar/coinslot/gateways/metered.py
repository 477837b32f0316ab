"""A gateway whose calls are timed, and their failures counted, whichever gateway it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    from coinslot.gateways.listing import ListedPage


@dataclass(frozen=True, slots=True)
class MeteredGateway:
    gateway: Gateway

    @property
    def name(self) -> str:
        return self.gateway.name

    @property
    def currencies(self) -> frozenset[str] | None:
        return self.gateway.currencies

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
