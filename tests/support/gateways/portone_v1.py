"""PortOne V1."""

from __future__ import annotations

from typing import ClassVar

from tests.support.gateways.driver import Call, GatewayDriver, Json, Money, PlacedOrder


class PortOneV1Driver(GatewayDriver):
    name, gateway = "portone-v1", "portone"
    distorted: ClassVar = {
        "amount": {"amount": 100},
        "currency": {"currency": "USD"},
        "mode": {"sandbox": False},
    }

    def ordering(self, product: str, currency: str = "KRW") -> tuple[str, Json]:  # noqa: ARG002
        return "/api/payments/checkout", {"packageId": product}

    def key(self, carried: Json) -> str:
        return str(carried["imp_uid"])

    def returning(self, order: PlacedOrder, key: str) -> Call:
        return "/api/payments/complete", {"paymentKey": order.order_id, "impUid": key}

    def again(self, order: PlacedOrder) -> Json | None:  # noqa: ARG002
        return {"force": True}

    def event(self, order_id: str, key: str, *, paid: bool) -> Json:
        status = "paid" if paid else "cancelled"
        return {"imp_uid": key, "merchant_uid": order_id, "status": status}

    def money(self, payment: Json) -> Money:
        return Money(
            order_id=payment["merchant_uid"],
            key=payment["imp_uid"],
            paid=payment["amount"] if payment["paid_at"] else 0,
            returned=payment["cancel_amount"],
            currency=payment["currency"],
        )
