"""Stripe: the page only waits, and the webhook credits."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import ClassVar
from uuid import uuid4

import stripe

from tests.support.gateways.driver import (
    Call,
    GatewayDriver,
    Json,
    Money,
    OpenRefund,
    PlacedOrder,
    Simulators,
)

_SECRET_KEY, _WEBHOOK_SECRET, _FORGER = "sk_test_sandbox", "whsec_sandbox", "whsec_forged"


class StripeDriver(GatewayDriver):
    name = gateway = "stripe"
    price, refund_path = 400, "/refunds"
    distorted: ClassVar = {
        "amount": {"amount": 100, "amount_received": 100},
        "currency": {"currency": "eur"},
        "mode": {"livemode": True},
    }

    def ordering(self, product: str, currency: str = "USD") -> tuple[str, Json]:
        return "/payment/stripe/create", {"productId": product, "currency": currency}

    def turn(self, order: PlacedOrder) -> Json:
        return {"method": order.card}

    def key(self, carried: Json) -> str:
        return str(carried["payment_intent"])

    def returning(self, order: PlacedOrder, key: str) -> Call:  # noqa: ARG002
        return f"/payment/{order.order_id}", None

    def underpaid(self, order: PlacedOrder) -> Json:
        return {"amount": 100, "currency": order.currency.lower(), "force": True}

    def again(self, order: PlacedOrder) -> Json | None:
        return {"amount": order.amount, "currency": order.currency.lower(), "force": True}

    def event(self, order_id: str, key: str, *, paid: bool) -> Json:
        intent = {"id": key, "object": "payment_intent", "metadata": {"order_id": order_id}}
        return {
            "id": f"evt_{uuid4().hex}",
            "object": "event",
            "api_version": stripe.api_version,
            "created": int(time.time()),
            "livemode": False,
            "type": "payment_intent.succeeded" if paid else "payment_intent.canceled",
            "data": {"object": intent},
        }

    def signature(self, raw: bytes, *, ours: bool) -> dict[str, str]:
        secret = _WEBHOOK_SECRET if ours else _FORGER
        header = stripe.WebhookSignature.generate_signature_header(raw.decode(), secret)
        return {"Stripe-Signature": str(header)}

    async def all_money(self, simulators: Simulators) -> list[Money]:
        """A dispute takes its money when it is opened, and gives it back when it is won."""
        disputed: dict[str, int] = defaultdict(int)
        for dispute in await self._list(simulators, "disputes"):
            if dispute["status"] != "won":
                disputed[dispute["payment_intent"]] += dispute["amount"]
        refunded: dict[str, int] = defaultdict(int)
        for refund in await self._list(simulators, "refunds"):
            if refund["status"] == "succeeded":
                refunded[refund["payment_intent"]] += refund["amount"]
        return [
            _money(intent, refunded[intent["id"]] + disputed[intent["id"]])
            for intent in await self.payments(simulators)
        ]

    def money(self, payment: Json) -> Money:
        """Without its disputes."""
        refunds = (each for each in payment["refunds"] if each["status"] == "succeeded")
        return _money(payment, sum(each["amount"] for each in refunds))

    async def open_refunds(self, simulators: Simulators) -> list[OpenRefund]:
        return [
            OpenRefund(
                "refund_status",
                "status",
                {"payment_key": refund["payment_intent"], "refund": refund["id"]},
            )
            for refund in await self._list(simulators, "refunds")
            if refund["status"] == "pending"
        ]

    async def _list(self, simulators: Simulators, kind: str) -> list[Json]:
        found: list[Json] = []
        page: Json = {"has_more": True}
        while page["has_more"]:
            after = f"&starting_after={found[-1]['id']}" if found else ""
            page = await simulators.look(
                f"stripe/v1/{kind}?limit=100{after}", Authorization=f"Bearer {_SECRET_KEY}"
            )
            found += page["data"]
        return found


def _money(intent: Json, returned: int) -> Money:
    return Money(
        order_id=intent["metadata"].get("order_id", ""),
        key=intent["id"],
        paid=intent["amount_received"],
        returned=min(returned, intent["amount_received"]),
        currency=intent["currency"].upper(),
    )
