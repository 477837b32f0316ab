"""The ways to pay, as PortOne V2's browser SDK is asked for them and its API tells of them."""

from __future__ import annotations

from typing import Any

EASY_PAYS = {"KAKAOPAY": "kakaopay", "NAVERPAY": "naverpay", "TOSSPAY": "tosspay"}

PARAMETERS: dict[str, dict[str, Any]] = {
    "card": {"payMethod": "CARD"},
    **{
        method: {"payMethod": "EASY_PAY", "easyPay": {"easyPayProvider": company}}
        for company, method in EASY_PAYS.items()
    },
    "transfer": {"payMethod": "TRANSFER"},
    "virtual_account": {"payMethod": "VIRTUAL_ACCOUNT"},
    "mobile": {"payMethod": "MOBILE"},
}
"""The arguments of `PortOne.requestPayment`, by the way to pay."""
