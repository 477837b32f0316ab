"""The ways to pay, as Toss's browser SDK is asked for them.

A wallet is a card payment whose window is the wallet's own (docs.tosspayments.com/codes/org-codes).
"""

from __future__ import annotations

from typing import Any

PARAMETERS: dict[str, dict[str, Any]] = {
    "card": {"method": "CARD", "card": {"flowMode": "DEFAULT"}},
    **{
        method: {"method": "CARD", "card": {"flowMode": "DIRECT", "easyPay": code}}
        for method, code in (
            ("kakaopay", "KAKAOPAY"),
            ("naverpay", "NAVERPAY"),
            ("tosspay", "TOSSPAY"),
        )
    },
    "transfer": {"method": "TRANSFER"},
    "virtual_account": {"method": "VIRTUAL_ACCOUNT"},
    "mobile": {"method": "MOBILE_PHONE"},
}
"""The arguments of `payment().requestPayment`, by the way to pay."""

# Below it Toss answers every way to pay with BELOW_MINIMUM_AMOUNT; accounts have a higher one.
LEAST = {"KRW": 100}
_LEAST_OF = {("transfer", "KRW"): 200, ("virtual_account", "KRW"): 200}
# A phone bill takes no more in a month.
_MOST_OF = {("mobile", "KRW"): 1_000_000}


def amounts(method: str, currency: str) -> tuple[int | None, int | None]:
    """The least and the most of one payment, in minor units; None where Toss names no bound."""
    kind = (method, currency)
    return _LEAST_OF.get(kind, LEAST.get(currency)), _MOST_OF.get(kind)
