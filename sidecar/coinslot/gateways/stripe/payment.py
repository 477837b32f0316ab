"""A PaymentIntent, its refunds and its disputes, read as one fact.

Only what is used is parsed; unknown fields and unknown statuses are let through. Amounts are
Stripe's own until they leave here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from coinslot.gateways.base import GatewayPayment, State
from coinslot.gateways.stripe.currencies import from_stripe
from coinslot.gateways.stripe.objects import Object, Page
from coinslot.text import Text

# Of a refund. One that failed or was called off: the money is still, or again, the merchant's.
_DECIDED = frozenset({"succeeded", "failed", "canceled"})
# Disputes that took nothing from the merchant: won, or over by a refund, which counts as such.
_DISMISSED = frozenset({"won", "warning_closed", "prevented", "charge_refunded"})
_STATES: dict[str, State] = {
    "succeeded": "paid",
    "canceled": "canceled",
    "processing": "awaiting_deposit",
}


class Refund(Object):
    id: str
    amount: int = Field(ge=0)
    status: str | None = None
    payment_intent: str | None = None
    metadata: dict[str, Any] | None = None


class BalanceTransaction(Object):
    """Of the merchant's balance, and so in the currency of that: only its sign is used."""

    amount: int


class Dispute(Object):
    amount: int = Field(ge=0)
    currency: str
    status: str
    balance_transactions: list[BalanceTransaction] = Field(default_factory=list)


class DisputeList(Object):
    data: list[Dispute]


class RefundList(Page):
    data: list[Refund]
    has_more: bool = False


class _Method(Object):
    type: Text


class Charge(Object):
    id: str
    amount_refunded: int = Field(default=0, ge=0)
    disputed: bool = False
    refunds: RefundList | None = None
    payment_method_details: _Method | None = None


class _Error(Object):
    code: Text | None = None
    message: Text | None = None


class Intent(Object):
    """A PaymentIntent; `charge` is None while its latest charge is not expanded, or there is none.

    `client_secret` is the buyer's, so it is kept out of every representation.
    """

    id: str
    amount: int = Field(ge=0)
    amount_received: int = Field(default=0, ge=0)
    currency: str = Field(pattern=r"^[A-Za-z]{3}$")
    status: str
    livemode: bool
    metadata: dict[str, Any] = Field(default_factory=dict)
    latest_charge: Charge | str | None = None
    last_payment_error: _Error | None = None
    client_secret: str | None = Field(default=None, repr=False)

    @property
    def charge(self) -> Charge | None:
        return self.latest_charge if isinstance(self.latest_charge, Charge) else None


def fact(
    intent: Intent, refunds: Iterable[Refund] = (), disputes: Iterable[Dispute] = ()
) -> GatewayPayment:
    """Raises `ValueError` for amounts that no payment can have.

    A decline leaves the PaymentIntent open for another card, so it is `ready` with a reason. One
    that is `processing`, such as a bank's debit, may take days: it is awaited like a deposit, and
    `ready` again where the bank refuses it.
    """
    received = intent.amount_received if intent.status == "succeeded" else 0
    refunded, refunding = _given_back(intent.charge, refunds, received)
    disputed, withdrawn = _disputed(disputes, received, intent.currency)
    # Each part of the money is gone, or on its way, once.
    withdrawn = min(withdrawn, received - refunded)
    refunding = min(refunding, received - refunded - withdrawn)
    order_id = intent.metadata.get("order_id")
    return GatewayPayment(
        order_id=order_id if isinstance(order_id, str) else "",
        payment_key=intent.id,
        state=_STATES.get(intent.status, "ready"),
        amount=from_stripe(intent.amount, intent.currency),
        currency=intent.currency.upper(),
        live=intent.livemode,
        paid=from_stripe(received, intent.currency),
        refunded=from_stripe(refunded, intent.currency),
        refunding=from_stripe(refunding, intent.currency),
        disputed=from_stripe(disputed, intent.currency),
        withdrawn=from_stripe(withdrawn, intent.currency),
        method=_method(intent.charge),
        failure_reason=_failure(intent),
    )


def _given_back(charge: Charge | None, refunds: Iterable[Refund], received: int) -> tuple[int, int]:
    """The money that is back, and the money on its way, which may yet fail.

    It is not documented that `amount_refunded` falls again when a refund fails; the refunds' own
    states are documented. The smaller of the two counts."""
    if charge is None:
        return 0, 0
    done = under_way = 0
    for refund in refunds:
        done += refund.amount if refund.status == "succeeded" else 0
        under_way += refund.amount if refund.status not in _DECIDED else 0
    refunded = min(charge.amount_refunded, done, received)
    return refunded, min(under_way, received - refunded)


def _disputed(disputes: Iterable[Dispute], received: int, currency: str) -> tuple[int, int]:
    """The money that is contested, and the part of it that has left the merchant's balance."""
    contested = withdrawn = 0
    for dispute in disputes:
        amount = dispute.amount if dispute.currency == currency else received
        if dispute.status in _DISMISSED:
            continue
        if dispute.status == "lost":
            withdrawn += amount
            continue
        contested += amount
        if sum(each.amount for each in dispute.balance_transactions) < 0:
            withdrawn += amount
    return min(contested, received), min(withdrawn, received)


def _method(charge: Charge | None) -> str | None:
    details = charge.payment_method_details if charge else None
    return details.type if details else None


def _failure(intent: Intent) -> str | None:
    """Stripe's sentence rather than its decline code: the sentence is made for buyers, while codes
    such as `stolen_card` are not to be told them."""
    error = intent.last_payment_error
    if error is None or intent.status == "succeeded":
        return None
    return error.message or error.code
