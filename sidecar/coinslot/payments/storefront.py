"""The shop as its store shows it: ways to pay, currencies, terms, and who sells.

What the owner says of the shop stands in the database, and is asked for once a minute. While the
database is away a store shows what was known last.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import ValidationError

from coinslot.database.records import Shop
from coinslot.errors import CoinslotError
from coinslot.gateways.registry import browser_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinslot.database import Database
    from coinslot.settings.deployment import Settings
    from coinslot.settings.gateway import GatewaySettings
    from coinslot.settings.methods import MethodRoute

log = structlog.get_logger(__name__)

_SECONDS_KEPT = 60.0
# After a look that failed: nobody waits for another one at once.
_SECONDS_BEFORE_ANOTHER = 5.0
_SECONDS_TO_ANSWER = 2.0

_LOGOS = {"transfer": "bank", "virtual_account": "vbank", "mobile": "phone"}
"""Of the ways to pay whose mark has another name than they have."""

CASH = ("transfer", "virtual_account")
"""The ways to pay that are cash to the tax office, as `coinslot.is_cash` has them."""

_HINTS = {"kakaopay": "app", "virtual_account": "later"}
"""The turn that follows the choice: an app opens, or the money comes later."""


class Storefront:
    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._asking = asyncio.Lock()
        self._shop = Shop()
        self._good_until = 0.0

    async def told(self) -> dict[str, Any]:
        """The part of `/store/config` that is about the shop. Never raises."""
        shop = await self._known()
        methods = offered_methods(self._settings, shop.currencies, shop.cash_receipts)
        currencies = list(dict.fromkeys(method["currency"] for method in methods))
        return {
            "methods": methods,
            "currency": {"default": next(iter(currencies), None), "offered": currencies},
            "links": shop.links,
            "business": shop.business,
            "refundDays": shop.refund_days,
            "maxQuantity": shop.max_quantity,
            "takesCodes": shop.takes_codes,
            "invitations": {"reward": 0, "bonus": 0} | shop.invitations,
            "subscriptions": stored_methods(self._settings, shop.plans),
            "topUps": stored_methods(
                self._settings,
                {"gateways": shop.plans.get("at_will", []), "currencies": shop.currencies},
            ),
        }

    async def _known(self) -> Shop:
        async with self._asking:
            if time.monotonic() >= self._good_until:
                self._shop, seconds = await self._asked()
                self._good_until = time.monotonic() + seconds
            return self._shop

    async def _asked(self) -> tuple[Shop, float]:
        """The shop, and the seconds until it is asked for again."""
        try:
            async with asyncio.timeout(_SECONDS_TO_ANSWER):
                found = await self._database.as_service().get_settings()
        except (CoinslotError, TimeoutError, ValidationError) as error:
            log.warning("shop_unknown", error=type(error).__name__)
            return self._shop, _SECONDS_BEFORE_ANOTHER
        return found.shop or Shop(), _SECONDS_KEPT


def offered_methods(
    settings: Settings, currencies: list[str], cash_receipts: str = "off"
) -> list[dict[str, Any]]:
    """The ways to pay whose gateway is on, in the order of the settings.

    Where it is not known in what there are prices, each gateway's own currencies are taken for it.
    With `cash_receipts` not off, those that are cash to the tax office have one.
    """
    routes = settings.method_routes(settings.gateways)
    on = {each.gateway: each for each in settings.gateways if each.is_on}
    own = sorted({code for each in on.values() for code in each.currencies or ()})
    offered = []
    for route in routes:
        for currency in (each for each in currencies or own if _rules(route, each, routes)):
            able = [
                on[name]
                for name in route.gateways
                if name in on and route.method in on[name].takes and on[name].sells_in(currency)
            ]
            if able:
                kept = able if route.fallbacks else able[:1]
                offered.append(_offer(settings, route.method, currency, kept))
                if cash_receipts != "off" and _has_cash_receipt(route.method, currency, kept):
                    offered[-1]["cashReceipt"] = True
    return offered


def stored_methods(settings: Settings, sold: Mapping[str, list[str]]) -> list[dict[str, str]]:
    """The currencies in which something is sold, each with those of its gateways that charge stored
    methods.

    The gateways are in the order in which they take cards.
    """
    if not settings.secret_keys.keys:
        return []
    allowed = sold.get("gateways", [])
    able = {
        each.gateway: each
        for each in settings.gateways
        if each.stores_methods and each.gateway in allowed
    }
    routes = settings.method_routes(settings.gateways)
    return [
        {"currency": currency, "gateway": name}
        for currency in sold.get("currencies", [])
        for name in _in_order(routes, currency, able)
        if able[name].sells_in(currency)
    ]


def _has_cash_receipt(method: str, currency: str, able: list[GatewaySettings]) -> bool:
    """True where each gateway that may take it issues one."""
    return method in CASH and currency == "KRW" and all(each.issues_cash_receipts for each in able)


def _in_order(
    routes: list[MethodRoute], currency: str, able: Mapping[str, GatewaySettings]
) -> list[str]:
    ranked = [
        name
        for route in routes
        if route.method == "card" and _rules(route, currency, routes)
        for name in route.gateways
        if name in able
    ]
    return list(dict.fromkeys([*ranked, *able]))


def _rules(route: MethodRoute, currency: str, routes: list[MethodRoute]) -> bool:
    """True where no other route is more exact about this currency."""
    if route.currency is not None:
        return route.currency == currency
    return all((each.method, each.currency) != (route.method, currency) for each in routes)


def _offer(
    settings: Settings, method: str, currency: str, able: list[GatewaySettings]
) -> dict[str, Any]:
    first, *others = (each.gateway for each in able)
    part = browser_parts(settings)[first]
    least, most = part.amounts(method, currency)
    told = {
        "id": method,
        "currency": currency,
        "gateway": first,
        "logo": _LOGOS.get(method, method),
        "hint": _HINTS.get(method),
        "inline": part.inline.get(method),
        "min": least,
        "max": most,
        "fallbacks": others or None,
    }
    return {name: value for name, value in told.items() if value is not None}
