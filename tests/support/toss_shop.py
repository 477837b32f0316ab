"""A buyer in front of the running stack who pays through Toss."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.shop import Shop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

READING = "사주팔자 프리미엄 해석"


@dataclass(frozen=True)
class TossShop(Shop):
    @property
    def toss_url(self) -> str:
        return f"{self.stack.settings.simulators_url}/toss"

    async def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        return await self.http.post(
            f"{self.sidecar}/payment/toss{path}", json=body, headers=headers
        )

    async def create(self, body: object = None, **headers: str) -> httpx.Response:
        return await self.post(
            "/create", body or {"productId": "starter"}, **{**self.jwt, **headers}
        )

    async def order(self, package: str = "starter") -> str:
        return str((await self.create({"productId": package})).json()["orderId"])

    async def play(self, what: str, method: str = "POST", /, **body: object) -> Any:  # noqa: ANN401
        answer = await self.http.request(method, f"{self.toss_url}/_sim/{what}", json=body)
        return answer.raise_for_status().json()

    async def pay(self, order_id: str, *, webhook: str = "none", **turn: object) -> str:
        """The payment key of a buyer who agreed; nothing is paid yet."""
        turn = {"amount": 5000, **turn}
        carried = await self.play("pay", order_id=order_id, webhook=webhook, **turn)
        return str(carried["paymentKey"])

    async def confirm(
        self, order_id: str, key: str, amount: object = 5000, **headers: str
    ) -> httpx.Response:
        body = {"paymentKey": key, "orderId": order_id, "amount": amount}
        return await self.post("/confirm", body, **headers)

    async def agreed(self, webhook: str = "none", **turn: object) -> tuple[str, str]:
        """A new order whose buyer has agreed, and the payment key."""
        order_id = await self.order()
        return order_id, await self.pay(order_id, webhook=webhook, **turn)

    async def taken(self, order_id: str, key: str) -> None:
        """Confirmed by us, and neither page nor database has heard of it."""
        answer = await self.confirm_at_toss(order_id, key)
        assert answer.status_code == 200, answer.text

    async def confirm_at_toss(self, order_id: str, key: str) -> httpx.Response:
        """As a sidecar does."""
        return await self.http.post(
            f"{self.toss_url}/v1/payments/confirm",
            json={"paymentKey": key, "orderId": order_id, "amount": 5000},
            headers={"Idempotency-Key": f"confirm:{key}"},
            auth=("test_sk_sandbox", ""),
        )

    async def told(self, key: str, **forge: object) -> int:
        """The status that the payment's webhook is answered."""
        answer = await self.play("webhook", payment_key=key, forge=forge)
        return int(answer["deliveries"][0]["status"])

    async def at_toss(self, key: str) -> dict[str, Any]:
        payments = (await self.play("payments", "GET"))["payments"]
        return dict(next(payment for payment in payments if payment["paymentKey"] == key))

    @asynccontextmanager
    async def fault(self, kind: str, **plan: object) -> AsyncIterator[None]:
        """Toss fails this way meanwhile."""
        await self.play("faults", "PUT", kind=kind, **plan)
        try:
            yield
        finally:
            await self.play("faults", "PUT")

    def expire(self, order_id: str) -> None:
        """As when its time has run out and the sweep has not come yet."""
        self.select(
            "update token_payments set expires_at = now() where order_id = %s returning 1", order_id
        )
