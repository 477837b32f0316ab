"""Stripe in a browser: what a store is told of it, and what its script needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.gateways.browser import BrowserPart, Script
from coinslot.gateways.stripe.currencies import amounts
from coinslot.gateways.stripe.settings import SDK

if TYPE_CHECKING:
    from coinslot.gateways.stripe.settings import StripeSettings

_OFFICIAL = {
    "script-src": ["https://*.js.stripe.com"],
    "connect-src": ["https://api.stripe.com"],
    "frame-src": ["https://*.js.stripe.com", "https://hooks.stripe.com"],
}


def in_browser(settings: StripeSettings) -> BrowserPart:
    address = settings.stripe_sdk_url
    sources = _OFFICIAL if address == SDK else {}
    return BrowserPart(
        offer={} if settings.is_on else None,
        scripts=[Script("stripe", address, settings.is_on, sources)],
        inline={
            "card": "payment",
            "applepay": "express",
            "googlepay": "express",
            "link": "express",
        },
        amounts=amounts,
    )
