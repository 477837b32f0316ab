"""The meanings of Stripe's answers."""

from __future__ import annotations

from coinslot.gateways.answers import Answers, Row, words
from coinslot.gateways.stripe.client import PRICE_CODES, PRICE_PARAMS
from coinslot.gateways.stripe.dispute import CONTESTED, DISMISSED, LOST
from coinslot.gateways.stripe.payment import STATES, UNDER_WAY, UNDONE

_MISSING = (
    "another status, or none; no `amount`, `amount_received`, `currency` or `livemode`; "
    "`succeeded` with nothing received, or without its charge; a charge without `amount_refunded` "
    "or `disputed`, or whose refunds do not add up to it; a dispute without its balance "
    "transactions"
)

ANSWERS = Answers(
    "Stripe",
    (
        Row("make", "a PaymentIntent", "done"),
        Row("make", f"400 {words(PRICE_CODES)}, or about {words(PRICE_PARAMS)}", "refused"),
        Row("make", "a server error that its key repeats: another key, five at most", "unknown"),
        Row("read", f"a payment: {words(STATES)}", "done"),
        Row("read", f"a refund: {words(['succeeded'], UNDER_WAY, UNDONE)}", "done"),
        Row("read", f"a dispute: {words(CONTESTED, DISMISSED, [LOST])}", "done"),
        Row("read", _MISSING, "nonsense"),
        Row("refund", f"a refund that is not {words(UNDONE)}", "done"),
        Row("refund", f"any 400, or a refund that is {words(UNDONE)}", "refused"),
        Row("refund", "a server error that its key repeats: another key", "unknown"),
        Row("any", "a time-out, 401, 403, 409, 429, 5xx, an error of idempotency", "unknown"),
    ),
)
