"""Every gateway as a row of one table: how to order, pay, come back, and be told by webhook."""

from __future__ import annotations

import asyncio
import json
import time
from abc import ABC, abstractmethod
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, cast
from uuid import uuid4

import stripe
from standardwebhooks import Webhook

from tests.support import portone_v2, toss
from tests.support.portone_v2_shop import ShopV2, in_place_of_the_stacks, v2_settings
from tests.support.shop import settings_on
from tests.support.stripe_shop import StripeShop
from tests.support.toss_shop import TossShop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coinslot.settings.deployment import Settings
    from tests.support.shop import Shop
    from tests.support.stacks import LocalStack

Json = dict[str, Any]

_KEYS = {
    *("IAMPORT_API_URL", "IAMPORT_API_KEY", "IAMPORT_API_SECRET", "IAMPORT_CODE"),
    *("TOSS_API_URL", "TOSS_CLIENT_KEY", "TOSS_SECRET_KEY"),
    *("STRIPE_API_URL", "STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET"),
}


@dataclass
class Counter(ABC):
    """One gateway's till. `DISTORTED` is what the gateway would show of a payment that is not what
    was ordered, per kind of difference; `REFUNDS` is in the paths of its refunds; `PRICE` is what
    ten tokens cost, in minor units."""

    shop: Shop

    NAME: ClassVar[str]
    GATEWAY: ClassVar[str]
    DISTORTED: ClassVar[dict[str, Json]]
    REFUNDS: ClassVar[str] = "/cancel"
    PRICE: ClassVar[int] = 5000

    @staticmethod
    @asynccontextmanager
    async def sidecar(stack: LocalStack) -> AsyncIterator[str]:
        """The one that serves this gateway: the stack's own."""
        yield stack.sidecar_url

    async def order(self) -> str:
        return await self.shop.order()

    async def agree(self, order_id: str) -> str:
        """The buyer's part; at most gateways the money is taken then."""
        return await self.shop.pay(order_id)

    async def pay(self, order_id: str) -> str:
        """The payment key of money taken, of which the sidecar has heard nothing."""
        return await self.agree(order_id)

    @abstractmethod
    async def leave(self, order_id: str) -> str:
        """The payment key of a buyer who did not pay."""

    @abstractmethod
    async def come_back(self, order_id: str, key: str) -> int:
        """What the page does when the buyer is back; the status it is answered."""

    @abstractmethod
    def event(self, order_id: str, key: str, *, paid: bool) -> Json:
        """The webhook's body: the payment is paid, or canceled."""

    def signature(self, raw: bytes, *, ours: bool) -> dict[str, str]:  # noqa: ARG002 - some sign
        """By the gateway, or by somebody else; most gateways sign nothing."""
        return {}

    async def tell(
        self,
        order_id: str,
        key: str,
        *,
        paid: bool = True,
        times: int = 1,
        forged: bool = False,
        cut: int = 0,
    ) -> list[int]:
        """One event, delivered so many times at once; the statuses it is answered. `cut` bytes
        are missing at its end, `forged` ones are not the gateway's."""
        raw = json.dumps(self.event(order_id, key, paid=paid)).encode()
        headers = {"Content-Type": "application/json", **self.signature(raw, ours=not forged)}
        url = f"{self.shop.sidecar}/payment/{self.GATEWAY}/webhook"
        answers = await asyncio.gather(
            *(
                self.shop.http.post(url, content=raw[: len(raw) - cut], headers=headers)
                for _ in range(times)
            )
        )
        return [answer.status_code for answer in answers]

    async def distort(self, key: str, kind: str) -> None:
        await self.shop.play(f"payments/{key}", "PATCH", **self.DISTORTED[kind])

    @staticmethod
    def settings(stack: LocalStack) -> Settings:
        """Of a sidecar that serves this gateway."""
        return settings_on(
            stack, **{name.lower(): value for name, value in stack.env.items() if name in _KEYS}
        )

    @abstractmethod
    async def given_back(self, key: str) -> int:
        """What the gateway's own books show as refunded, in minor units."""

    async def books(self, key: str) -> Json:
        """The payment as the gateway keeps it."""
        kept = (await self.shop.play("payments", "GET"))["payments"]
        return next(each for each in kept if key in map(str, each.values()))

    async def bought(self) -> tuple[str, str]:
        """An order that is paid and completed, and its payment key."""
        order_id = await self.order()
        key = await self.pay(order_id)
        assert await self.come_back(order_id, key) == 200
        await self.shop.until(lambda: self.shop.row(order_id)["status"] == "completed")
        return order_id, key

    async def fail(self, kind: str | None, **plan: object) -> None:
        """How the gateway's own HTTP fails from now on; None ends it."""
        body = {"kind": kind, **plan} if kind else {}
        await self.shop.play("faults", "PUT", **body)


class V1(Counter):
    NAME, GATEWAY = "portone-v1", "portone"
    DISTORTED: ClassVar = {
        "amount": {"amount": 100},
        "currency": {"currency": "USD"},
        "mode": {"sandbox": False},
    }

    async def leave(self, order_id: str) -> str:
        return await self.shop.pay(order_id, outcome="abandoned")

    async def come_back(self, order_id: str, key: str) -> int:
        return (await self.shop.complete(order_id, key)).status_code

    def event(self, order_id: str, key: str, *, paid: bool) -> Json:
        status = "paid" if paid else "cancelled"
        return {"imp_uid": key, "merchant_uid": order_id, "status": status}

    async def given_back(self, key: str) -> int:
        return int((await self.books(key))["cancel_amount"])


class V2(Counter):
    NAME, GATEWAY = "portone-v2", "portone"
    DISTORTED: ClassVar = {
        "amount": {"amount": {"total": 100, "discount": 0, "paid": 100}},
        "currency": {"currency": "USD"},
        "mode": {"channel": {"type": "LIVE"}},
    }

    def __init__(self, shop: Shop) -> None:
        self.shop = ShopV2.of(shop)

    @staticmethod
    def sidecar(stack: LocalStack) -> Any:  # noqa: ANN401 - an asynchronous context manager
        return in_place_of_the_stacks(stack)

    async def leave(self, order_id: str) -> str:
        return await self.shop.pay(order_id, outcome="abandoned")

    async def come_back(self, order_id: str, key: str) -> int:  # noqa: ARG002 - the order's id is it
        return (await cast("ShopV2", self.shop).finish(order_id)).status_code

    def event(self, order_id: str, key: str, *, paid: bool) -> Json:
        named = {"storeId": portone_v2.STORE, "paymentId": order_id, "transactionId": key}
        kind = "Paid" if paid else "Cancelled"
        now = datetime.now(UTC).isoformat()
        return {"type": f"Transaction.{kind}", "timestamp": now, "data": named}

    def signature(self, raw: bytes, *, ours: bool) -> dict[str, str]:
        event_id, now = str(uuid4()), datetime.now(UTC)
        secret = portone_v2.SECRET if ours else "whsec_Zm9yZ2Vk"
        return {
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(event_id, now, raw.decode()),
        }

    @staticmethod
    def settings(stack: LocalStack) -> Settings:
        return v2_settings(stack)

    async def given_back(self, key: str) -> int:
        return int((await self.books(key))["amount"]["cancelled"])


class Toss(Counter):
    NAME, GATEWAY = "toss", "toss"
    # Whether a payment is a test is told by the key, and there is no other currency.
    DISTORTED: ClassVar = {
        "amount": {"totalAmount": 100, "balanceAmount": 100},
        "currency": {"currency": "USD"},
    }

    def __init__(self, shop: Shop) -> None:
        self.shop = TossShop.of(shop)

    async def pay(self, order_id: str) -> str:
        key = await self.agree(order_id)
        answer = await self.shop.http.post(
            f"{cast('TossShop', self.shop).toss_url}/v1/payments/confirm",
            json={"paymentKey": key, "orderId": order_id, "amount": 5000},
            auth=(toss.SECRET_KEY, ""),
        )
        assert answer.status_code == 200, answer.text
        return key

    async def leave(self, order_id: str) -> str:
        return await self.agree(order_id)

    async def come_back(self, order_id: str, key: str) -> int:
        return (await cast("TossShop", self.shop).confirm(order_id, key)).status_code

    def event(self, order_id: str, key: str, *, paid: bool) -> Json:
        status = "DONE" if paid else "CANCELED"
        return {
            "eventType": "PAYMENT_STATUS_CHANGED",
            "createdAt": "2026-11-01T10:00:00.000000",
            "data": {"paymentKey": key, "orderId": order_id, "status": status},
        }

    async def given_back(self, key: str) -> int:
        payment = await self.books(key)
        return int(payment["totalAmount"] - payment["balanceAmount"])


class Stripe(Counter):
    NAME, GATEWAY = "stripe", "stripe"
    REFUNDS, PRICE = "/refunds", 400
    DISTORTED: ClassVar = {
        "amount": {"amount": 100, "amount_received": 100},
        "currency": {"currency": "eur"},
        "mode": {"livemode": True},
    }

    def __init__(self, shop: Shop) -> None:
        self.shop = StripeShop.of(shop)

    async def leave(self, order_id: str) -> str:
        return await self.shop.pay(order_id, outcome="abandoned")

    async def come_back(self, order_id: str, key: str) -> int:
        """Nothing: with Stripe the page only waits, so the webhook comes now."""
        return (await self.tell(order_id, key))[0]

    def event(self, order_id: str, key: str, *, paid: bool) -> Json:
        kind = "payment_intent.succeeded" if paid else "payment_intent.canceled"
        intent = {"id": key, "object": "payment_intent", "metadata": {"order_id": order_id}}
        return {
            "id": f"evt_{uuid4().hex}",
            "object": "event",
            "api_version": stripe.api_version,
            "created": int(time.time()),
            "livemode": False,
            "type": kind,
            "data": {"object": intent},
        }

    def signature(self, raw: bytes, *, ours: bool) -> dict[str, str]:
        now, secret = int(time.time()), "whsec_sandbox" if ours else "whsec_forged"
        signed = stripe.WebhookSignature._compute_signature(f"{now}.{raw.decode()}", secret)  # noqa: SLF001
        return {"Stripe-Signature": f"t={now},v1={signed}"}

    async def given_back(self, key: str) -> int:
        refunds = (await self.books(key))["refunds"]
        return sum(each["amount"] for each in refunds if each["status"] == "succeeded")


EVERY: tuple[type[Counter], ...] = (V1, Toss, Stripe, V2)
