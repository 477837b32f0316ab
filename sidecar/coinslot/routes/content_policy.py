"""The pages' Content-Security-Policy: nothing inline, no script but ours and the gateways'."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coinslot.routes.store import scripts
from coinslot.settings.store import StoreSettings

if TYPE_CHECKING:
    from coinslot.settings.deployment import Settings

# What the official scripts need beside their own origin. PortOne opens the window of whichever
# payment provider the merchant has chosen, and that one the buyer's bank: any https address.
_OFFICIAL: dict[str, dict[str, list[str]]] = {
    "iamport": {
        "connect-src": ["https://*.iamport.kr", "https://*.iamport.co"],
        "frame-src": ["https:"],
        "form-action": ["https:"],
    },
    "portone": {
        "script-src": ["https://*.portone.io"],
        "connect-src": ["https://*.portone.io"],
        "frame-src": ["https:"],
        "form-action": ["https:"],
    },
    "toss": {
        "script-src": ["https://*.tosspayments.com"],
        "connect-src": ["https://*.tosspayments.com"],
        "frame-src": ["https://*.tosspayments.com"],
        "form-action": ["https://*.tosspayments.com"],
    },
    "stripe": {
        "script-src": ["https://*.js.stripe.com"],
        "connect-src": ["https://api.stripe.com"],
        "frame-src": ["https://*.js.stripe.com", "https://hooks.stripe.com"],
    },
}


def content_policy(settings: Settings) -> str:
    sources: dict[str, list[str]] = {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'", _origin(settings.supabase_url)],
        "frame-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
    for name in scripts(settings):
        address = getattr(settings, f"{name}_sdk_url")
        official = address == StoreSettings.model_fields[f"{name}_sdk_url"].default
        for directive in ("script-src", "frame-src"):
            sources[directive].append(_origin(address))
        for directive, more in _OFFICIAL[name].items() if official else ():
            sources[directive] += more
    return "; ".join(
        f"{directive} {' '.join(dict.fromkeys(allowed))}" for directive, allowed in sources.items()
    )


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
