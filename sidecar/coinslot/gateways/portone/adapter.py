"""PortOne as the keys make it: V1, V2, or V2 for new orders with V1 for those it began.

Both are the gateway `portone`, on the same routes: a shop moves from one to the other without
losing the payments, refunds and webhooks that are under way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinslot.errors import InvalidRequest, PaymentUnknownAtGateway
from coinslot.gateways.base import TakesMoneyItself
from coinslot.gateways.listing import ListedPage
from coinslot.gateways.portone.billing import BothBilling
from coinslot.gateways.portone.cash_receipts import BothCashReceipts
from coinslot.gateways.portone.v1.adapter import PortOneV1
from coinslot.gateways.portone.v2.adapter import PortOneV2
from coinslot.gateways.portone.v2.webhook import is_signed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    import httpx

    from coinslot.gateways.base import (
        Gateway,
        GatewayPayment,
        Order,
        Prepared,
        Refund,
        WebhookEvent,
    )
    from coinslot.gateways.billing import Billing
    from coinslot.gateways.cash_receipts import CashReceiptIssuer
    from coinslot.gateways.portone.settings import PortOneSettings


def opened(settings: PortOneSettings, client: httpx.AsyncClient) -> Gateway:
    """The version that has its keys, or both as one gateway."""
    if not settings.v1_is_on:
        return PortOneV2.from_settings(settings, client)
    v1 = PortOneV1.from_settings(settings, client)
    if not settings.v2_is_on:
        return v1
    v2 = PortOneV2.from_settings(settings, client)
    return PortOneBoth(
        v1,
        v2,
        billing=BothBilling(v1.stored, v2.stored),
        cash_receipts=BothCashReceipts(v1.issuer, v2.issuer),
    )


@dataclass(frozen=True, slots=True)
class PortOneBoth(TakesMoneyItself):
    v1: PortOneV1
    v2: PortOneV2
    name: str = "portone"
    currencies: frozenset[str] | None = PortOneV2.currencies
    billing: Billing | None = None
    cash_receipts: CashReceiptIssuer | None = None

    def check_key(self, payment_key: str) -> None:
        self._of(payment_key).check_key(payment_key)

    async def prepare(self, order: Order) -> Prepared:
        return await self.v2.prepare(order)

    async def read(self, order_id: str | None, payment_key: str | None) -> GatewayPayment:
        if payment_key is not None:
            return await self._of(payment_key).read(order_id, payment_key)
        try:
            return await self.v2.read(order_id, None)
        except PaymentUnknownAtGateway:
            return await self.v1.read(order_id, None)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
        """Nothing signs V1's. What claims to be signed is V2's, and so is what has not V1's form:
        unsigned, V2 refuses it."""
        if is_signed(headers):
            return self.v2.parse_webhook(headers, body)
        try:
            return self.v1.parse_webhook(headers, body)
        except InvalidRequest:
            return self.v2.parse_webhook(headers, body)

    async def refund(self, refund: Refund) -> None:
        await self._of(refund.payment_key).refund(refund)

    async def close_order(self, order: Order, payment: GatewayPayment | None) -> None:
        if payment is not None and self._of(payment.payment_key) is self.v1:
            await self.v1.close_order(order, payment)
        else:
            await self.v2.close_order(order, payment)

    async def moved_between(self, since: datetime, until: datetime) -> AsyncIterator[ListedPage]:
        """V2 lists V1's payments of the same store, too: V1 tells of those itself."""
        async for page in self.v2.moved_between(since, until):
            own = [each for each in page.payments if self._of(each.payment_key) is self.v2]
            odd = [each for each in page.odd if self._of(each.key) is self.v2]
            if own or odd:
                yield ListedPage(own, odd)
        async for page in self.v1.moved_between(since, until):
            yield page

    def _of(self, payment_key: str) -> PortOneV1 | PortOneV2:
        return self.v1 if payment_key.startswith("imp_") else self.v2
