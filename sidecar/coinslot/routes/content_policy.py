"""The pages' Content-Security-Policy: nothing inline, no script but ours and the gateways'."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coinslot.gateways.registry import browser_parts

if TYPE_CHECKING:
    from coinslot.gateways.browser import Script
    from coinslot.settings.deployment import Settings


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
    for script in _scripts(settings):
        for directive in ("script-src", "frame-src"):
            sources[directive].append(_origin(script.address))
        for directive, more in script.sources.items():
            sources[directive] += more
    return "; ".join(
        f"{directive} {' '.join(dict.fromkeys(allowed))}" for directive, allowed in sources.items()
    )


def _scripts(settings: Settings) -> list[Script]:
    """Those of the gateways that are on."""
    parts = browser_parts(settings).values()
    return [script for part in parts for script in part.scripts if script.used]


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
