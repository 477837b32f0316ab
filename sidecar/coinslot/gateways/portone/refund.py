"""The texts of a refund that both versions of PortOne treat alike."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coinslot.errors import RefundDeclined
from coinslot.gateways.base import LONGEST_REASON
from coinslot.text import storable

if TYPE_CHECKING:
    from coinslot.gateways.base import Refund

_LONG_NUMBER = re.compile(r"\d[\d -]{5,}\d")


def bounded(reason: str) -> str:
    """PortOne names no limit. The payment companies behind it have some, none lower than this."""
    return storable(reason)[:LONGEST_REASON]


def declined(refund: Refund, code: object, message: object) -> RefundDeclined:
    """The gateway's no. A bank's sentence may repeat the account it could not pay to: numbers as
    long as one and the holder's name are left out."""
    said = _LONG_NUMBER.sub("…", storable(message)) if isinstance(message, str) else ""
    if refund.account is not None and refund.account.holder:
        said = said.replace(refund.account.holder, "…")
    return RefundDeclined(storable(str(code)), said)
