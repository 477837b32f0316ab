"""An order as its gateway needs it, and how long something can still be done about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from coinslot.errors import PaymentRefused
from coinslot.gateways.base import Order
from coinslot.payments.outcomes import CONFIRMABLE

if TYPE_CHECKING:
    from coinslot.database.records import OrderRecord


def as_order(order: OrderRecord, language: str = "ko", *, payment_key: str | None = None) -> Order:
    """The order as far as its gateway needs it."""
    until = datetime.fromisoformat(order.deposit_until) if order.deposit_until else None
    return Order(
        order.order_id,
        order.name,
        order.amount,
        order.currency,
        language,
        payment_key=payment_key,
        deposit_until=until,
        name_ko=order.name_ko,
    )


def require_open(order: OrderRecord) -> None:
    """Raises where nobody is to be told how to pay this order."""
    if order.status != "pending" or not in_time(order):
        raise no_longer_open(order)


def confirmable(order: OrderRecord) -> bool:
    """True where its money may be taken."""
    return order.status in CONFIRMABLE and in_time(order)


def in_time(order: OrderRecord) -> bool:
    """True while the order's time is not over. Orders expire in batches, so the status may lag."""
    return datetime.fromisoformat(order.expires_at) > datetime.now(UTC)


def no_longer_open(order: OrderRecord) -> PaymentRefused:
    """The refusal of a repeated checkout whose order is over."""
    status = "expired" if order.status == "pending" else order.status
    message = "The order of this Idempotency-Key is no longer open"
    return PaymentRefused(message, code=f"payment_{status}", status=status)
