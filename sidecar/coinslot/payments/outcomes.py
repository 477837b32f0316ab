"""The outcome of a read for whoever asked for the payment: bought, or why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.errors import AmountMismatch, PaymentDeclined, PaymentRefused

if TYPE_CHECKING:
    from coinslot.database.records import OrderRecord
    from coinslot.payments.settlements import Settled

# Of an order in any other state we take no money, though we look whether we have.
CONFIRMABLE = frozenset({"pending", "failed"})
# What was bought stays bought when a part of it is refunded later.
_BOUGHT = frozenset({"completed", "partially_refunded"})
# The status of a refusal that is read of the payment, not answered to a call.
_BAD_REQUEST = 400


def require_taken(settled: Settled, payment_key: str) -> None:
    """Raises unless this very payment was taken.

    Another payment may have bought the order. An order whose time is over counts as expired before
    the sweep has marked it so.
    """
    status, fact = settled.order.status, settled.fact
    if fact.payment_key == payment_key and (fact.state != "ready" or status == "awaiting_deposit"):
        return
    code = {
        **dict.fromkeys(CONFIRMABLE, "payment_expired"),
        **dict.fromkeys(_BOUGHT, "already_paid"),
    }
    raise PaymentRefused(code=code.get(status, f"payment_{status}"), status=status)


def require_not_declined(settled: Settled) -> None:
    """Raises the gateway's own no, where it is told of the payment rather than to our call."""
    fact = settled.fact
    if fact.state == "failed" and fact.failure_code and settled.order.status not in _BOUGHT:
        raise PaymentDeclined(_BAD_REQUEST, fact.failure_code, fact.failure_reason or "")


def require_paid(settled: Settled) -> OrderRecord:
    """The order, if it is bought or waits for a deposit. Raises `PaymentRefused` otherwise."""
    order, fact = settled.order, settled.fact
    if (fact.amount, fact.currency) != (order.amount, order.currency):
        raise AmountMismatch
    if fact.live != order.live:
        raise PaymentRefused(code="wrong_mode", status=order.status)
    if order.status in _BOUGHT or order.status == "awaiting_deposit":
        return order
    raise PaymentRefused(code=f"payment_{order.status}", status=order.status)
