"""Toss Payments: what the buyer agrees to in the window, the page has confirmed."""

from __future__ import annotations

from typing import ClassVar

from tests.support.gateways.driver import (
    Call,
    GatewayDriver,
    Json,
    Money,
    OpenRefund,
    PlacedOrder,
    Simulators,
)


class TossDriver(GatewayDriver):
    name = gateway = "toss"
    # A test payment is known by the key, and there is no other currency.
    distorted: ClassVar = {
        "amount": {"totalAmount": 100, "balanceAmount": 100},
        "currency": {"currency": "USD"},
    }

    def ordering(self, product: str, currency: str = "KRW") -> tuple[str, Json]:  # noqa: ARG002
        return "/payment/toss/create", {"productId": product}

    def turn(self, order: PlacedOrder) -> Json:
        return {"amount": order.amount}

    def key(self, carried: Json) -> str:
        return str(carried.get("paymentKey", ""))

    def returning(self, order: PlacedOrder, key: str) -> Call:
        body = {"paymentKey": key, "orderId": order.order_id, "amount": order.amount}
        return "/payment/toss/confirm", body

    def underpaid(self, order: PlacedOrder) -> Json:
        return {"amount": max(order.amount // 100, 1)}

    def event(self, order_id: str, key: str, *, paid: bool) -> Json:
        status = "DONE" if paid else "CANCELED"
        return {
            "eventType": "PAYMENT_STATUS_CHANGED",
            "createdAt": "2026-11-01T10:00:00.000000",
            "data": {"paymentKey": key, "orderId": order_id, "status": status},
        }

    def money(self, payment: Json) -> Money:
        return Money(
            order_id=payment["orderId"],
            key=payment["paymentKey"],
            paid=payment["totalAmount"] if payment["approvedAt"] else 0,
            returned=payment["totalAmount"] - payment["balanceAmount"],
            currency=payment["currency"],
        )

    async def open_refunds(self, simulators: Simulators) -> list[OpenRefund]:
        found = []
        for payment in await self.payments(simulators):
            key = {"payment_key": payment["paymentKey"]}
            if (payment["virtualAccount"] or {}).get("refundStatus") == "PENDING":
                found.append(OpenRefund("refund_status", "status", key, may_fail=False))
            elif any(each["cancelStatus"] == "IN_PROGRESS" for each in payment["cancels"] or []):
                found.append(OpenRefund("refund_status", "status", key))
        return found
