"""A refund at Stripe, and which of its errors mean that there will be none.

Stripe compares no balance. What keeps a refund from happening twice is the idempotency key, which
Stripe forgets after a day, and after that what the refund's own metadata say. These also tell what
an earlier try under another key came to: a server error that Stripe repeats may have had effects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import stripe
from pydantic import ValidationError

from coinslot.errors import CoinslotError, RefundDeclined, RefundKeySpent
from coinslot.gateways.http import nonsense
from coinslot.gateways.stripe.client import is_kept, unknown
from coinslot.gateways.stripe.currencies import to_stripe
from coinslot.gateways.stripe.objects import page_of
from coinslot.gateways.stripe.payment import Refund as Made
from coinslot.gateways.stripe.payment import RefundList
from coinslot.text import storable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stripe.params import RefundCreateParams

    from coinslot.gateways.base import Refund

_LONGEST = 500
"""Of a metadata value."""
_FAILED = {"failed", "canceled"}


def params(refund: Refund) -> RefundCreateParams:
    """The same for the same refund, always: Stripe compares them under a key."""
    metadata = {
        "refund_id": refund.id,
        "refund_key": refund.key,
        "order_id": refund.order_id,
        "reason": storable(refund.reason).strip()[:_LONGEST],
    }
    return {
        "payment_intent": refund.payment_key,
        "amount": _amount(refund),
        "reason": "requested_by_customer",
        # An empty value would mean that the entry is to be removed.
        "metadata": {name: value for name, value in metadata.items() if value},
    }


def parsed(answer: Mapping[str, Any]) -> RefundList:
    """A page of refunds. Raises `GatewayUnavailable` for one that makes no sense."""
    return page_of(RefundList, answer, "refunds")


def is_of(made: Made, refund: Refund) -> bool:
    """True where the call under this key made it."""
    return (made.metadata or {}).get("refund_key") == refund.key


def gives_back(made: Made, refund: Refund) -> bool:
    """True where any try of the refund made it, and it stands."""
    of_it = (made.metadata or {}).get("refund_id") == refund.id
    return (of_it or is_of(made, refund)) and made.status not in _FAILED


def require_standing(made: Made) -> None:
    """One that failed gave nothing back: repeating the call would only name it again."""
    if made.status in _FAILED:
        code = f"refund_{made.status}"
        raise RefundDeclined(code, "The refund did not reach the buyer")


def check(answer: Mapping[str, Any], refund: Refund) -> None:
    try:
        made = Made.model_validate(answer)
    except ValidationError as error:
        raise nonsense("refund does not parse", payment_key=refund.payment_key) from error
    if made.payment_intent != refund.payment_key:
        raise nonsense("refunded another payment", payment_key=refund.payment_key)
    require_standing(made)


def meaning(error: stripe.StripeError) -> CoinslotError:
    """A 400 refuses before anything is done. A server error that is kept says that the first call
    is over."""
    if isinstance(error, (stripe.InvalidRequestError, stripe.CardError)):
        code = error.code or "invalid_request_error"
        return RefundDeclined(storable(code), storable(error.user_message or ""))
    return RefundKeySpent() if is_kept(error) else unknown(error)


def _amount(refund: Refund) -> int:
    try:
        return to_stripe(refund.amount, refund.currency)
    except ValueError as error:
        raise RefundDeclined(
            "amount_not_refundable", "Stripe cannot refund this amount in this currency"
        ) from error
