"""The gateways that this program knows, one line each. A gateway without keys is off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coinslot.gateways.parts import GatewayParts, IncompleteGatewayError
from coinslot.gateways.portone import parts as portone
from coinslot.gateways.stripe import parts as stripe
from coinslot.gateways.toss import parts as toss

if TYPE_CHECKING:
    import httpx

    from coinslot.gateways.base import Gateway
    from coinslot.gateways.browser import BrowserPart
    from coinslot.settings.deployment import Settings

# In the order in which a store offers them.
GATEWAYS: tuple[GatewayParts[Any], ...] = (
    portone.PARTS,
    toss.PARTS,
    stripe.PARTS,
)


def gateway_names() -> list[str]:
    return [parts.name for parts in GATEWAYS]


def open_gateways(settings: Settings, client: httpx.AsyncClient) -> dict[str, Gateway]:
    """Those that have their keys, by name. Raises `IncompleteGatewayError`."""
    require_same_gateways(
        "settings", "settings/registry.py", [each.gateway for each in settings.gateways]
    )
    made = {parts.name: parts.opened(settings, client) for parts in GATEWAYS}
    return {name: gateway for name, gateway in made.items() if gateway is not None}


def browser_parts(settings: Settings) -> dict[str, BrowserPart]:
    """Of every gateway, by name, in the order in which a store offers them."""
    return {parts.name: parts.in_browser(settings) for parts in GATEWAYS}


def payment_pages() -> dict[str, dict[str, str]]:
    """The pages of payments in gateways' own consoles, of those whose addresses are known."""
    return {
        parts.name: dict(parts.payment_pages)
        for parts in GATEWAYS
        if parts.payment_pages is not None
    }


def require_same_gateways(part: str, registry: str, names: list[str]) -> None:
    """Raises `IncompleteGatewayError` for a gateway that only one of the registries lists."""
    for name in gateway_names():
        if name not in names:
            message = f"The gateway {name} has no {part}: add them to coinslot/{registry}"
            raise IncompleteGatewayError(message)
    for name in names:
        if name not in gateway_names():
            message = (
                f"The gateway {name} has {part} and no adapter: "
                "add its parts to coinslot/gateways/registry.py"
            )
            raise IncompleteGatewayError(message)
