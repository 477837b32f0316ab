"""What a store in a browser has to know: which gateways are on, and where their scripts are.

All of it is public. A key that is not comes nowhere near this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sanic import Blueprint
from sanic.response import json

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from coinslot.settings.deployment import Settings

store = Blueprint("store")


@store.get("/store/config")
async def config(request: Request) -> HTTPResponse:
    return json(public_config(request.app.ctx.settings))


def public_config(settings: Settings) -> dict[str, Any]:
    """Gateways stand in the order in which the store offers them."""
    bank = settings.coinslot_demo_bank_url
    return {
        "mode": settings.coinslot_mode,
        "supabaseUrl": settings.supabase_url,
        "anonKey": settings.supabase_anon_key.get_secret_value(),
        "gateways": _gateways(settings),
        "sdk": {
            "iamport": settings.iamport_sdk_url,
            "portone": settings.portone_sdk_url,
            "toss": settings.toss_sdk_url,
            "stripe": settings.stripe_sdk_url,
        },
        "demo": None if bank is None else {"bankUrl": bank},
    }


def scripts(settings: Settings) -> list[str]:
    """The names, in `sdk`, of the scripts that the gateways which are on need."""
    known = {"toss": "toss", "stripe": "stripe"}
    on = _gateways(settings)
    portone = {1: ["iamport"], 2: ["portone"]}[on["portone"]["version"]] if "portone" in on else []
    return portone + [name for gateway, name in known.items() if gateway in on]


def _gateways(settings: Settings) -> dict[str, dict[str, Any]]:
    methods = ["card", *(["virtual_account"] if settings.coinslot_virtual_accounts else [])]
    on: dict[str, dict[str, Any]] = {}
    # With the keys of both versions, V2 takes the new orders.
    if settings.portone_api_secret is not None:
        on["portone"] = {"version": 2, "methods": methods}
    elif settings.iamport_code is not None:
        on["portone"] = {"version": 1, "code": settings.iamport_code, "methods": methods}
    if settings.toss_client_key is not None:
        on["toss"] = {"methods": methods}
    if settings.stripe_publishable_key is not None:
        on["stripe"] = {}
    return on
