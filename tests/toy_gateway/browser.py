"""Acme in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.gateways.browser import BrowserPart, Script

if TYPE_CHECKING:
    from tests.toy_gateway.settings import AcmeSettings


def in_browser(settings: AcmeSettings) -> BrowserPart:
    sources = {"connect-src": [settings.acme_api_url]}
    return BrowserPart(
        offer={"methods": settings.methods} if settings.is_on else None,
        scripts=[Script("acme", settings.acme_sdk_url, settings.is_on, sources)],
    )
