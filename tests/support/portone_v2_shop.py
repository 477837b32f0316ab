"""A buyer in front of a sidecar that has PortOne V2's keys beside V1's."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest_asyncio

from coinslot.server.app import create_app
from tests.support.portone_v2 import API_SECRET, CHANNEL, NEXT_SECRET, SECRET, STORE
from tests.support.servers import running
from tests.support.shop import Shop, settings_on

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from coinslot.settings.deployment import Settings
    from tests.support.stacks import LocalStack

# At 20 ms a minute the whole schedule of retries takes 7 s.
QUIET = {"retries": 5, "minute_s": 0.02, "secrets": [SECRET], "version": "2024-04-25"}


@dataclass(frozen=True)
class ShopV2(Shop):
    async def play(self, what: str, method: str = "POST", /, **body: object) -> Any:  # noqa: ANN401
        answer = await self.http.request(method, f"{v2_url(self.stack)}/_sim/{what}", json=body)
        return answer.raise_for_status().json()

    async def pay(self, order_id: str, *, webhook: str = "none", **turn: object) -> str:
        """The transaction id of the buyer's turn in the window; no webhook unless asked for."""
        carried = await self.play("pay", order_id=order_id, webhook=webhook, **turn)
        return str(carried["transactionId"])

    async def finish(self, order_id: str, **headers: str) -> httpx.Response:
        """As the page does once the V2 SDK is back: with the payment's id and no other."""
        return await self.http.post(
            f"{self.sidecar}/api/payments/complete", json={"paymentId": order_id}, headers=headers
        )

    async def told(self, key: str, **forge: object) -> int | None:
        """The status that the payment's webhook is answered, as sent or forged."""
        answer = await self.play("webhook", payment_key=key, forge=forge)
        status: int | None = answer["deliveries"][0]["status"]
        return status

    def v1(self) -> Shop:
        """The same buyer at V1's window."""
        return Shop.of(self)


def v2_url(stack: LocalStack) -> str:
    return f"{stack.settings.simulators_url}/portone-v2"


def v2_settings(stack: LocalStack, **changes: Any) -> Settings:  # noqa: ANN401 - any field
    """Of a sidecar with V2's keys."""
    keys = {
        "portone_api_secret": API_SECRET,
        "portone_store_id": STORE,
        "portone_channel_key": CHANNEL,
        "portone_webhook_secrets": f"{SECRET},{NEXT_SECRET}",
        "portone_api_url": v2_url(stack),
        "frontend_url": stack.env["FRONTEND_URL"],
    }
    return settings_on(stack, **{**keys, **changes})


@asynccontextmanager
async def in_place_of_the_stacks(stack: LocalStack, **changes: Any) -> AsyncIterator[str]:  # noqa: ANN401
    """A sidecar with V2's keys on the stack's own port, so that webhooks come to it; and the only
    one, for one without V2's keys would take up its webhooks and not know their payments."""
    with stack.without_its_sidecar():
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", stack.settings.sidecar_port))
        async with running(create_app(v2_settings(stack, **changes)), sock) as url:
            yield url


@pytest_asyncio.fixture(scope="module")
async def v2_sidecar(stack: LocalStack) -> AsyncIterator[str]:
    async with in_place_of_the_stacks(stack) as url:
        yield url


@pytest_asyncio.fixture
async def v2_shop(shop: Shop, v2_sidecar: str) -> AsyncIterator[ShopV2]:
    v2 = ShopV2.of(shop)
    await v2.play("settings", "PUT", **QUIET)
    yield v2
    await v2.play("faults", "PUT")
