"""PortOne in a browser: what a store is told of it, and what the scripts of its versions need.

PortOne opens the window of whichever payment provider the merchant has chosen, and that one the
buyer's bank: any https address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coinslot.gateways.browser import BrowserPart, Script
from coinslot.gateways.portone.settings import V1_SDK, V2_SDK

if TYPE_CHECKING:
    from coinslot.gateways.portone.settings import PortOneSettings

_ANY_BANK = {"frame-src": ["https:"], "form-action": ["https:"]}
_V1 = {"connect-src": ["https://*.iamport.kr", "https://*.iamport.co"], **_ANY_BANK}
_V2 = {
    "script-src": ["https://*.portone.io"],
    "connect-src": ["https://*.portone.io"],
    **_ANY_BANK,
}


def in_browser(settings: PortOneSettings) -> BrowserPart:
    """With the keys of both versions, V2 takes the new orders, so that pages load its script."""
    v1, v2 = settings.iamport_sdk_url, settings.portone_sdk_url
    through_v1 = settings.v1_is_on and not settings.v2_is_on
    return BrowserPart(
        offer=_offer(settings),
        scripts=[
            Script("iamport", v1, through_v1, _V1 if v1 == V1_SDK else {}),
            Script("portone", v2, settings.v2_is_on, _V2 if v2 == V2_SDK else {}),
        ],
        amounts=_amounts,
    )


def _amounts(method: str, currency: str) -> tuple[int | None, int | None]:
    """A phone bill takes a million won a month. Other bounds are the payment companies' own."""
    return None, 1_000_000 if (method, currency) == ("mobile", "KRW") else None


def _offer(settings: PortOneSettings) -> dict[str, Any] | None:
    asked = {"buyer": settings.portone_buyer_fields} if settings.portone_buyer_fields else {}
    offer = {"methods": settings.methods, **asked}
    if settings.v2_is_on:
        return {"version": 2, **offer}
    if settings.v1_is_on:
        return {"version": 1, "code": settings.iamport_code, **offer}
    return None
