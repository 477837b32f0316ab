"""The amounts that Stripe takes for a PaymentIntent (docs.stripe.com/currencies)."""

from __future__ import annotations

import re

from simulators.stripe.errors import invalid

_THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
_WHOLE_HUNDREDS = frozenset(("isk", "ugx"))
_DIGITS = {"idr": 12}
# By settlement currency. KRW has none: it is converted first.
_MINIMUM = dict.fromkeys(
    ("usd", "aud", "brl", "cad", "chf", "eur", "inr", "jpy", "nzd", "sgd"), 50
) | {
    "gbp": 30,
    "bgn": 100,
    "aed": 200,
    "myr": 200,
    "pln": 200,
    "ron": 200,
    "dkk": 250,
    "nok": 300,
    "sek": 300,
    "hkd": 400,
    "mxn": 1000,
    "thb": 1000,
    "czk": 1500,
    "huf": 17500,
}


def checked_amount(text: str | None, currency: str) -> int:
    """The amount as a number, or the refusal."""
    if text is None:
        raise invalid("Missing required param: amount.", param="amount")
    if not re.fullmatch(r"[0-9]{1,18}", text):
        message = f"Invalid integer: {text[:40]}"
        raise invalid(message, code="parameter_invalid_integer", param="amount")
    amount = int(text)
    if amount < _MINIMUM.get(currency, 1):
        raise invalid("Amount is too small", code="amount_too_small", param="amount")
    if len(str(amount)) > _DIGITS.get(currency, 8):
        raise invalid("Amount is too large", code="amount_too_large", param="amount")
    step = 100 if currency in _WHOLE_HUNDREDS else 10 if currency in _THREE_DECIMAL else 1
    if amount % step:
        message = f"Amounts in {currency} are multiples of {step}"
        raise invalid(message, code="invalid_amount", param="amount")
    return amount


def checked_currency(text: str | None) -> str:
    if text is None:
        raise invalid("Missing required param: currency.", param="currency")
    if not re.fullmatch(r"[A-Za-z]{3}", text):
        message = f"Invalid currency: {text[:40]}"
        raise invalid(message, param="currency")
    return text.lower()
