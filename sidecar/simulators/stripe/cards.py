"""Stripe's test cards, by token or number, each with the course of a payment by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Decline:
    code: str
    decline_code: str | None
    message: str
    advice: str = "try_again_later"


@dataclass(frozen=True)
class Card:
    number: str
    decline: Decline | None = None
    authentication: bool = False
    refund: Literal["succeeded", "pending", "fails"] = "succeeded"
    disputed: bool = False


GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.")
NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    None,
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or "
    "a new PaymentMethod to attempt to fulfill this PaymentIntent again.",
)

SOFT = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
HARD = Decline("card_declined", "lost_card", "Your card was declined.", "do_not_try_again")
UNATTENDED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)


def _declined(reason: str, message: str = "Your card was declined.") -> Decline:
    return Decline("card_declined", reason, message)


CARDS = {
    "pm_card_visa": Card("4242424242424242"),
    "pm_card_visa_chargeDeclined": Card("4000000000000002", GENERIC),
    "pm_card_visa_chargeDeclinedInsufficientFunds": Card(
        "4000000000009995", _declined("insufficient_funds", "Your card has insufficient funds.")
    ),
    "pm_card_visa_chargeDeclinedLostCard": Card("4000000000009987", _declined("lost_card")),
    "pm_card_visa_chargeDeclinedStolenCard": Card("4000000000009979", _declined("stolen_card")),
    "pm_card_chargeDeclinedExpiredCard": Card(
        "4000000000000069", Decline("expired_card", None, "Your card has expired.")
    ),
    "pm_card_chargeDeclinedIncorrectCvc": Card(
        "4000000000000127",
        Decline("incorrect_cvc", None, "Your card's security code is incorrect."),
    ),
    "pm_card_chargeDeclinedProcessingError": Card(
        "4000000000000119",
        Decline("processing_error", None, "An error occurred while processing your card."),
    ),
    "pm_card_authenticationRequiredOnSetup": Card("4000002500003155", authentication=True),
    "pm_card_authenticationRequired": Card("4000002760003184", authentication=True),
    "pm_card_threeDSecure2Required": Card("4000000000003220", authentication=True),
    "pm_card_createDispute": Card("4000000000000259", disputed=True),
    "pm_card_pendingRefund": Card("4000000000007726", refund="pending"),
    "pm_card_refundFail": Card("4000000000005126", refund="fails"),
}
_BY_NUMBER = {card.number: token for token, card in CARDS.items()}


def card_token(method: str) -> str | None:
    """The token of a test card given as token or number; None for anything else."""
    return method if method in CARDS else _BY_NUMBER.get(method.replace(" ", ""))
