"""A PaymentIntent, its refunds and its disputes (`dispute.py`), read as one fact.

Only what is used is parsed, and unknown fields are let through. A status that is unknown, an amount
that is missing or parts that do not add up conclude nothing: they are a `ValueError`. Amounts are
Stripe's own until they leave here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pydantic import Field, StrictBool

from coinslot.gateways.base import GatewayPayment, State
from coinslot.gateways.paid_card import PaidCard, paid_card
from coinslot.gateways.stripe.currencies import from_stripe
from coinslot.gateways.stripe.declines import reason_of
from coinslot.gateways.stripe.dispute import Dispute, disputed_and_withdrawn
from coinslot.gateways.stripe.objects import Minor, Object, Page
from coinslot.text import Text

STATES: dict[str, State] = {
    "requires_payment_method": "ready",
    "requires_confirmation": "ready",
    "requires_action": "ready",
    "requires_capture": "ready",
    "processing": "awaiting_deposit",
    "succeeded": "paid",
    "canceled": "canceled",
}
# Of a refund. One that failed or was called off: the money is still, or again, the merchant's.
UNDER_WAY = frozenset({"pending", "requires_action"})
UNDONE = frozenset({"failed", "canceled"})
_WALLETS = {"apple_pay": "applepay", "google_pay": "googlepay", "link": "link"}


class Refund(Object):
    id: str
    amount: Minor
    status: str | None = None
    payment_intent: str | None = None
    metadata: dict[str, Any] | None = None


class RefundList(Page):
    data: list[Refund]


class _Wallet(Object):
    type: str


class _Card(Object):
    wallet: _Wallet | None = None
    fingerprint: Text | None = None
    brand: Any = None
    last4: Any = None
    authorization_code: Any = None


class _Method(Object):
    type: Text
    card: _Card | None = None


class Charge(Object):
    id: str
    # Unix seconds: when the buyer agreed, though a bank may take days to pay.
    created: int | None = Field(default=None, strict=True, ge=0, lt=2**33)
    amount_refunded: Minor
    disputed: StrictBool
    refunds: RefundList | None = None
    payment_method_details: _Method | None = None
    receipt_url: str | None = None


class _Error(Object):
    code: Text | None = None
    decline_code: Text | None = None


class Intent(Object):
    """A PaymentIntent; `charge` is None while its latest charge is not expanded, or there is none.

    `client_secret` is the buyer's, so it is kept out of every representation.
    """

    id: str
    amount: Minor
    amount_received: Minor
    currency: str = Field(pattern=r"^[A-Za-z]{3}$")
    status: str
    livemode: StrictBool
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
    """Raises `ValueError` for what contradicts itself, leaves out what decides, or is unknown.

    A decline leaves the PaymentIntent open for another card, so it is `ready` with a reason. One
    that is `processing`, such as a bank's debit, may take days: it is awaited like a deposit, and
    `ready` again where the bank refuses it.
    """
    received = _received(intent)
    refunded, refunding = _given_back(intent.charge, refunds, received)
    disputed, withdrawn = disputed_and_withdrawn(disputes, received, intent.currency)
    # Each part of the money is gone, or on its way, once.
    withdrawn = min(withdrawn, received - refunded)
    refunding = min(refunding, received - refunded - withdrawn)
    order_id = intent.metadata.get("order_id")
    return GatewayPayment(
        order_id=order_id if isinstance(order_id, str) else "",
        payment_key=intent.id,
        state=STATES[intent.status],
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
        taken_at=_taken_at(intent.charge) if received else None,
        receipt=intent.charge.receipt_url if intent.charge else None,
        fingerprint=_fingerprint(intent.charge),
        card=_card(intent.charge) if received else None,
    )


def _card(charge: Charge | None) -> PaidCard | None:
    method = charge.payment_method_details if charge else None
    if method is None or method.card is None:
        return None
    return paid_card(method.card.brand, method.card.last4, method.card.authorization_code)


def _received(intent: Intent) -> int:
    """The money that came in. Without the charge nobody knows how much of it has gone back."""
    if intent.status not in STATES:
        raise ValueError("unknown status of a payment")
    succeeded = intent.status == "succeeded"
    if succeeded != (intent.amount_received > 0):
        raise ValueError("status and amount_received contradict each other")
    if succeeded and intent.charge is None:
        raise ValueError("succeeded without its charge")
    return intent.amount_received


def _given_back(charge: Charge | None, refunds: Iterable[Refund], received: int) -> tuple[int, int]:
    """The money that is back, and the money on its way, which may yet fail.

    It is not documented that `amount_refunded` falls again when a refund fails, nor that one under
    way counts in it. So it is at least the refunds that succeeded, and at most all of them: what
    does not fit tells of a refund that is not shown.
    """
    if charge is None:
        return 0, 0
    done = under_way = undone = 0
    for refund in refunds:
        if refund.status == "succeeded":
            done += refund.amount
        elif refund.status in UNDER_WAY:
            under_way += refund.amount
        elif refund.status in UNDONE:
            undone += refund.amount
        else:
            raise ValueError("unknown status of a refund")
    if not done <= charge.amount_refunded <= done + under_way + undone:
        raise ValueError("the refunds are not those that the charge counts")
    refunded = min(done, received)
    return refunded, min(under_way, received - refunded)


def _method(charge: Charge | None) -> str | None:
    """A card in a wallet by the wallet's name: it is what the buyer pressed."""
    details = charge.payment_method_details if charge else None
    if details is None:
        return None
    wallet = details.card.wallet.type if details.card and details.card.wallet else details.type
    return _WALLETS.get(wallet, details.type)


def _fingerprint(charge: Charge | None) -> str | None:
    details = charge.payment_method_details if charge else None
    return details.card.fingerprint if details and details.card else None


def _taken_at(charge: Charge | None) -> str | None:
    if charge is None or charge.created is None:
        return None
    return datetime.fromtimestamp(charge.created, UTC).isoformat()


def _failure(intent: Intent) -> str | None:
    error = intent.last_payment_error
    if error is None or intent.status == "succeeded":
        return None
    return reason_of(error.code, error.decline_code)
