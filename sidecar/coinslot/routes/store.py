"""The configuration of a store in a browser: the gateways that are on, their scripts, the shop.

All of it is public. A key that is not comes nowhere near this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sanic import Blueprint
from sanic.response import json

from coinslot.gateways.registry import browser_parts
from coinslot.routes.requests import services

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from coinslot.settings.deployment import Settings

store = Blueprint("store")


@store.get("/store/config")
async def config(request: Request) -> HTTPResponse:
    return json(await told_config(request))


async def told_config(request: Request) -> dict[str, Any]:
    """All that a store is told, here and in the page."""
    told = public_config(request.app.ctx.settings)
    return {**told, **await services(request).storefront.told()}


def public_config(settings: Settings) -> dict[str, Any]:
    """The part of it that this server's settings say."""
    bank = settings.coinslot_demo_bank_url
    parts = browser_parts(settings)
    return {
        "mode": settings.coinslot_mode,
        "supabaseUrl": settings.supabase_url,
        "anonKey": settings.supabase_anon_key.get_secret_value(),
        "gateways": {name: part.offer for name, part in parts.items() if part.offer is not None},
        "sdk": {script.name: script.address for part in parts.values() for script in part.scripts},
        "demo": None if bank is None else {"bankUrl": bank},
    }
