"""An inbox of this process, between the real database and PortOne's simulator.

A header stands in for a signature, since what is tested with it is the same for every gateway that
signs.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx

from coinslot.database import Database
from coinslot.errors import InvalidSignature, PaymentUnknownAtGateway
from coinslot.gateways.http import GatewayHttp
from coinslot.gateways.portone.v1.adapter import PortOneV1
from coinslot.payments.settlements import Settlements
from coinslot.shutdown import Shutdown
from coinslot.webhooks.inbox import Inbox
from tests.support.portone import KEY, SECRET
from tests.support.proxies import Proxy, proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from coinslot.gateways.base import GatewayPayment, WebhookEvent
    from tests.support.shop import Shop

JSON = {"content-type": "application/json"}


class Signing(PortOneV1):
    """PortOne, as if it signed its webhooks, and could leave out what they are about."""

    late_reads = 0

    async def read(self, order_id: str | None, payment_key: str | None) -> GatewayPayment:
        """As many reads as `late_reads` do not show the payment yet."""
        if self.late_reads:
            self.late_reads -= 1
            raise PaymentUnknownAtGateway
        return await super().read(order_id, payment_key)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
        event = super().parse_webhook(JSON, body)
        if event is None or event.body["status"] == "of no interest":
            return None
        if "webhook-id" not in headers:
            return event
        if headers.get("signature") != "good":
            raise InvalidSignature
        named = headers.get("names", "order and payment")
        return replace(
            event,
            event_id=headers["webhook-id"],
            order_id=event.order_id if "order" in named else None,
            payment_key=event.payment_key if "payment" in named else None,
        )


@dataclass(frozen=True)
class Harness:
    """An inbox of this process, and the ways from it to the database and to the gateway."""

    inbox: Inbox
    database: Proxy
    gateway: Proxy
    portone: Signing

    async def deliver(
        self,
        order_id: str,
        imp_uid: str,
        event_id: str | None = None,
        status: str = "paid",
        **headers: str,
    ) -> str:
        """The verdict; with an event id it is signed."""
        body = json.dumps({"imp_uid": imp_uid, "merchant_uid": order_id, "status": status})
        signed = {"webhook-id": event_id, "signature": "good"} if event_id else {}
        return await self.inbox.take("portone", {**signed, **headers}, body.encode())

    def forget(self) -> None:
        self.database.calls.clear()
        self.gateway.calls.clear()


@asynccontextmanager
async def inbox_harness(shop: Shop, **changes: Any) -> AsyncIterator[Harness]:  # noqa: ANN401
    """Without a sweep of its own: the stack's sidecar sweeps, and so may a test."""
    async with (
        proxy(shop.stack.api_url) as database,
        proxy(shop.stack.portone_url.removesuffix("/portone-v1")) as gateway,
        httpx.AsyncClient() as http,
    ):
        settings = shop.settings(supabase_url=database.url, **changes)
        portone = Signing(
            GatewayHttp(http, f"{gateway.url}/portone-v1", 5), key=KEY, secret=SECRET, live=False
        )
        async with Database(settings) as pool:
            stopping = Shutdown(settings.coinslot_stop_seconds)
            inbox = Inbox(pool, {"portone": portone}, Settlements(pool), settings, stopping)
            await pool.as_service().get_settings()
            await portone.read(None, await shop.pay(await shop.order(), outcome="abandoned"))
            harness = Harness(inbox, database, gateway, portone)
            harness.forget()
            yield harness
            await inbox.close()


async def paid(shop: Shop) -> tuple[str, str]:
    order_id = await shop.order()
    return order_id, await shop.pay(order_id)


def new_id() -> str:
    return f"evt_{uuid4().hex}"
