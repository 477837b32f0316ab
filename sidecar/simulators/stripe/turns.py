"""Bodies of Stripe's control API, where they say more than those of every gateway."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from simulators.stripe.webhook import Tampering
from simulators.turns import BuyerTurn, OnePayment


class CardTurn(BuyerTurn):
    """The buyer at the card form, by order or by PaymentIntent.

    `outcome` is the card's own unless given. While the bank waits for the buyer, `paid` and
    `failed` end that. `force` makes another PaymentIntent that names the order, as a merchant's
    own server could.
    """

    order_id: str = ""
    payment_intent: str | None = None
    method: str = "pm_card_visa"
    """A test card, as token or number."""
    wallet: Literal["apple_pay", "google_pay", "link"] | None = None
    """In which the card is."""


class DisputeTurn(OnePayment):
    status: str = "needs_response"
    amount: int | None = Field(default=None, gt=0)


class RefundStatusTurn(OnePayment):
    """The later status of a refund: of the payment's latest, unless one is named."""

    refund: str | None = None
    status: Literal["succeeded", "failed", "canceled", "pending", "requires_action"]


class Delivery(OnePayment, Tampering):
    """The payment's latest event again, or its latest ones of the types given, in that order."""

    times: int = Field(default=1, ge=1, le=1000)
    delay_s: float = Field(default=0, ge=0)
    types: list[str] = Field(default=[])
    distinct: bool = False
    """Gives each copy an id of its own."""
