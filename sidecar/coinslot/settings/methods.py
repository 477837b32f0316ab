"""The ways to pay that a store offers, and the gateway that takes each.

`COINSLOT_METHODS` names them in the order in which they are shown, as `card=a, kakaopay=b|a,
card:USD=c` where a, b and c are gateways. The first gateway of an entry is used, the others are
tried where it cannot even open its window. An entry with a currency is for that currency alone, and
wins over one without. A gateway that is off is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic_settings import BaseSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from coinslot.settings.gateway import GatewaySettings

METHODS = (
    *("card", "kakaopay", "naverpay", "tosspay", "transfer", "virtual_account", "mobile"),
    *("applepay", "googlepay", "link"),
)
"""As in `coinslot.payment_methods()`."""

_ENTRY = re.compile(r"(\w+)(?::([A-Z]{3}))?\s*=\s*(\w+(?:\s*\|\s*\w+)*)")


@dataclass(frozen=True, slots=True)
class MethodRoute:
    """A way to pay, and the names of the gateways that take it, the preferred one first.

    `currency` is None where it is for every currency that has no route of its own. Where nobody has
    named the gateways, the others are no `fallbacks`.
    """

    method: str
    currency: str | None
    gateways: tuple[str, ...]
    fallbacks: bool = True


class MethodSettings(BaseSettings):
    coinslot_methods: str | None = None

    def method_routes(self, gateways: Sequence[GatewaySettings]) -> list[MethodRoute]:
        """In the order of the setting; without one, what each gateway offers by itself."""
        if self.coinslot_methods is None:
            return _by_themselves(gateways)
        return [_route(found) for _, found in _entries(self.coinslot_methods) if found]

    def method_problems(self, gateways: Sequence[GatewaySettings]) -> list[str]:
        """A sentence for each entry that cannot be served, whichever gateways are on."""
        known = {each.gateway: each for each in gateways}
        seen: set[tuple[str, str | None]] = set()
        problems = []
        for text, found in _entries(self.coinslot_methods or ""):
            route = _route(found) if found else None
            if wrong := _wrong(route, known):
                problems.append(f"COINSLOT_METHODS: {text}: {wrong}")
            elif route is not None and (route.method, route.currency) in seen:
                problems.append(f"COINSLOT_METHODS: {text}: is named twice; list gateways with |")
            elif route is not None:
                seen.add((route.method, route.currency))
        return problems


def _entries(setting: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """Each entry as it is written, and what it says; None for one that cannot be read."""
    for each in setting.split(","):
        if text := each.strip():
            yield text, _ENTRY.fullmatch(text)


def _route(found: re.Match[str]) -> MethodRoute:
    names = tuple(dict.fromkeys(name.strip() for name in found[3].split("|")))
    return MethodRoute(found[1], found[2], names)


def _wrong(route: MethodRoute | None, known: dict[str, GatewaySettings]) -> str | None:
    if route is None:
        return "write method=gateway or method:CURRENCY=gateway"
    if route.method not in METHODS:
        return f"no way to pay; there are {', '.join(METHODS)}"
    for name in route.gateways:
        if name not in known:
            return f"no gateway {name}; there are {', '.join(known)}"
        if route.method not in known[name].takes:
            return f"{name} takes {', '.join(known[name].takes)}"
        if route.currency is not None and not known[name].sells_in(route.currency):
            return f"{name} does not sell in {route.currency}"
    return None


def _by_themselves(gateways: Sequence[GatewaySettings]) -> list[MethodRoute]:
    """Those that the gateways which are on offer unasked; each is taken by the first that can."""
    on = [each for each in gateways if each.is_on]
    offered = [method for method in METHODS if any(method in each.methods for each in on)]
    able = {
        method: tuple(each.gateway for each in on if method in each.takes) for method in offered
    }
    return [MethodRoute(method, None, names, fallbacks=False) for method, names in able.items()]
