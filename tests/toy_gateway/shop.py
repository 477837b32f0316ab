"""A buyer at a sidecar that knows Acme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.support.refund_desks import operator_of
from tests.support.shop import Shop

if TYPE_CHECKING:
    import httpx

    from coinslot.settings.deployment import Settings
    from tests.toy_gateway.simulator import AcmeSimulator


@dataclass(frozen=True)
class AcmeShop(Shop):
    """`own_settings` are the sidecar's."""

    acme: AcmeSimulator
    own_settings: Settings

    async def create(self) -> dict[str, Any]:
        answer = await self.http.post(
            f"{self.sidecar}/payment/acme/create", json={"productId": "starter"}, headers=self.jwt
        )
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def complete_order(self, order_id: str) -> httpx.Response:
        return await self.http.post(
            f"{self.sidecar}/payment/acme/complete", json={"orderId": order_id}, headers=self.jwt
        )

    async def refund(self, order_id: str, sidecar: str | None = None) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {operator_of(self).token}",
            "Idempotency-Key": uuid4().hex,
        }
        return await self.http.post(
            f"{sidecar or self.sidecar}/payment/{order_id}/refund",
            json={"reason": "the buyer asked for it"},
            headers=headers,
        )
