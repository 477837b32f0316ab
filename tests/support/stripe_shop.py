"""A buyer in front of the running stack who pays through Stripe."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest_asyncio

from tests.support.shop import Shop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx


@dataclass(frozen=True)
class StripeShop(Shop):
    @property
    def stripe_url(self) -> str:
        return f"{self.stack.settings.simulators_url}/stripe"

    async def create(self, body: object = None, **headers: str) -> httpx.Response:
        return await self.http.post(
            f"{self.sidecar}/payment/stripe/create",
            json=body or {"productId": "starter"},
            headers={**self.jwt, **headers},
        )

    async def order(self, package: str = "starter") -> str:
        return str((await self.create({"productId": package})).json()["orderId"])

    async def play(self, what: str, method: str = "POST", /, **body: object) -> Any:  # noqa: ANN401
        answer = await self.http.request(method, f"{self.stripe_url}/_sim/{what}", json=body)
        return answer.raise_for_status().json()

    async def pay(self, order_id: str, *, webhook: str = "none", **turn: object) -> str:
        """The PaymentIntent after the buyer's turn; no webhook unless asked for."""
        carried = await self.play("pay", order_id=order_id, webhook=webhook, **turn)
        return str(carried["payment_intent"])

    async def deliver(self, key: str, **how: object) -> list[int]:
        """The status that each copy of the payment's latest event was answered."""
        sent = await self.play("webhook", payment_key=key, **how)
        return [delivery["status"] for delivery in sent["deliveries"]]

    async def bought(self, package: str = "starter") -> tuple[str, str]:
        """An order that is paid and credited, and its PaymentIntent."""
        order_id = await self.order(package)
        key = await self.pay(order_id)
        assert await self.deliver(key) == [200]
        await self.becomes(order_id, "completed")
        return order_id, key

    async def becomes(self, order_id: str, status: str) -> None:
        """Once the inbox has made it so."""
        try:
            await self.until(lambda: self.row(order_id)["status"] == status)
        except TimeoutError:
            assert self.row(order_id)["status"] == status

    async def intents(self, order_id: str) -> list[dict[str, Any]]:
        """The PaymentIntents that name the order."""
        payments = (await self.play("payments", "GET"))["payments"]
        return [each for each in payments if each["metadata"].get("order_id") == order_id]

    @asynccontextmanager
    async def fault(self, kind: str, **plan: object) -> AsyncIterator[None]:
        """Stripe fails this way meanwhile."""
        await self.play("faults", "PUT", kind=kind, **plan)
        try:
            yield
        finally:
            await self.play("faults", "PUT")


@pytest_asyncio.fixture
async def stripe_shop(shop: Shop) -> AsyncIterator[StripeShop]:
    yield StripeShop.of(shop)
