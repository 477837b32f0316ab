"""An operator who gives money back at one gateway."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from coinslot.services import opened
from tests.support.servers import PATIENCE

if TYPE_CHECKING:
    import httpx

    from tests.support.checkouts import Checkout
    from tests.support.shop import Shop
    from tests.support.stacks import Person


@dataclass(frozen=True)
class RefundDesk:
    """An operator, and a buyer at one gateway."""

    checkout: Checkout
    operator: Person

    @property
    def shop(self) -> Shop:
        return self.checkout.shop

    @property
    def part(self) -> int:
        """Two fifths of the price: four tokens' worth."""
        return self.checkout.driver.price * 2 // 5

    async def refund(
        self,
        order_id: str,
        key: str | None = None,
        person: Person | None = None,
        **body: object,
    ) -> httpx.Response:
        return await self.shop.http.post(
            f"{self.shop.sidecar}/payment/{order_id}/refund",
            json={"reason": "the buyer asked for it", **body},
            headers={
                "Authorization": f"Bearer {(person or self.operator).token}",
                "Idempotency-Key": key or uuid4().hex,
            },
        )

    def refunds(self, order_id: str) -> list[tuple[str, int]]:
        return [
            (status, amount)
            for status, amount in self.shop.select(
                "select status, amount from token_refunds where order_id = %s order by created_at",
                order_id,
            )
        ]

    async def reconcile(self) -> None:
        """Does what another server's reconciler does, once whatever waits is due."""
        self.shop.select(
            "update coinslot.refunds set next_attempt_at = now() where finished_at is null "
            "returning 1"
        )
        async with opened(self.checkout.settings()) as services:
            await services.reconciliations.once()

    async def settled(self, order_id: str) -> None:
        """Waits until no refund is open, for as many rounds as that takes."""
        async with asyncio.timeout(PATIENCE):
            while any(status in {"requested", "pending"} for status, _ in self.refunds(order_id)):
                await self.reconcile()


def operator_of(shop: Shop, role: str = "finance") -> Person:
    operator = shop.stack.sign_up()
    shop.select("select coinslot.add_operator(%s, %s)", operator.id, role)
    return operator
