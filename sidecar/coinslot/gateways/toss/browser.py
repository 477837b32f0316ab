"""Toss Payments in a browser: what a store is told of it, and what its script needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.gateways.browser import BrowserPart, Script
from coinslot.gateways.toss.methods import amounts
from coinslot.gateways.toss.settings import SDK

if TYPE_CHECKING:
    from coinslot.gateways.toss.settings import TossSettings

_OFFICIAL = {
    directive: ["https://*.tosspayments.com"]
    for directive in ("script-src", "connect-src", "frame-src", "form-action")
}


def in_browser(settings: TossSettings) -> BrowserPart:
    address = settings.toss_sdk_url
    sources = _OFFICIAL if address == SDK else {}
    asked = {"buyer": settings.toss_buyer_fields} if settings.toss_buyer_fields else {}
    return BrowserPart(
        offer={"methods": settings.methods, **asked} if settings.is_on else None,
        scripts=[Script("toss", address, settings.is_on, sources)],
        inline={"card": "widgets"} if settings.has_widgets else {},
        amounts=amounts,
    )
