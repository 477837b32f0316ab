"""The texts of a refund that both versions of PortOne treat alike."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coinslot.errors import RefundDeclined
from coinslot.text import storable

if TYPE_CHECKING:
    from coinslot.gateways.base import Refund

# PortOne names no limit; the payment companies behind it have some, of which this is the lowest.
_LONGEST_REASON = 200
_LONG_NUMBER = re.compile(r"\d[\d -]{5,}\d")


def bounded(reason: str) -> str:
    return storable(reason)[:_LONGEST_REASON]


def declined(refund: Refund, code: object, message: object) -> RefundDeclined:
    """The gateway's no. A bank's sentence may repeat the account it could not pay to: numbers as
    long as one and the holder's name are left out."""
    said = _LONG_NUMBER.sub("…", storable(message)) if isinstance(message, str) else ""
    if refund.account is not None and refund.account.holder:
        said = said.replace(refund.account.holder, "…")
    return RefundDeclined(storable(str(code)), said)
