"""The first pack that somebody sells: signed up, ordered, paid, and there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from tests.support.servers import PATIENCE
from tests.support.shop import Shop

if TYPE_CHECKING:
    from tests.support.stacks import LocalStack

FREE, PACK = 5, 10


async def first_sale(stack: LocalStack, sidecar: str) -> None:
    """By PortOne V1's window. Raises `AssertionError` where the tokens do not come."""
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        shop = Shop(stack, http, stack.sign_up(), sidecar)
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id)
        completed = await http.post(
            f"{sidecar}/api/payments/complete",
            json={"paymentKey": order_id, "impUid": imp_uid},
            headers=shop.jwt,
        )
        assert completed.status_code == 200, completed.text
        assert await shop.tokens() == FREE + PACK
