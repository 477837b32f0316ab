"""PortOne V2."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar
from uuid import uuid4

from standardwebhooks import Webhook

from tests.support.gateways.driver import (
    Call,
    GatewayDriver,
    Json,
    Money,
    OpenRefund,
    PlacedOrder,
    Simulators,
)
from tests.support.portone_v2 import SECRET, STORE

_FORGER = "whsec_Zm9yZ2Vk"


class PortOneV2Driver(GatewayDriver):
    name, gateway = "portone-v2", "portone"
    distorted: ClassVar = {
        "amount": {"amount": {"total": 100, "discount": 0, "paid": 100, "cancelled": 0}},
        "currency": {"currency": "USD"},
        "mode": {"channel": {"type": "LIVE"}},
    }

    def ordering(self, product: str, currency: str = "KRW") -> tuple[str, Json]:  # noqa: ARG002
        return "/api/payments/checkout", {"packageId": product}

    def key(self, carried: Json) -> str:
        return str(carried["transactionId"])

    def returning(self, order: PlacedOrder, key: str) -> Call:  # noqa: ARG002 - the order's id is it
        return "/api/payments/complete", {"paymentId": order.order_id}

    def event(self, order_id: str, key: str, *, paid: bool) -> Json:
        named = {"storeId": STORE, "paymentId": order_id, "transactionId": key}
        kind = "Paid" if paid else "Cancelled"
        now = datetime.now(UTC).isoformat()
        return {"type": f"Transaction.{kind}", "timestamp": now, "data": named}

    def signature(self, raw: bytes, *, ours: bool) -> dict[str, str]:
        event_id, now = str(uuid4()), datetime.now(UTC)
        return {
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET if ours else _FORGER).sign(
                event_id, now, raw.decode()
            ),
        }

    def money(self, payment: Json) -> Money:
        return Money(
            order_id=payment["id"],
            key=payment["transactionId"],
            paid=payment["amount"]["total"] if "paidAt" in payment else 0,
            returned=payment["amount"]["cancelled"],
            currency=payment["currency"],
        )

    async def open_refunds(self, simulators: Simulators) -> list[OpenRefund]:
        return [
            OpenRefund("settle_refund", "outcome", {"payment_key": payment["transactionId"]})
            for payment in await self.payments(simulators)
            for each in payment.get("cancellations", [])
            if each["status"] == "REQUESTED"
        ]
