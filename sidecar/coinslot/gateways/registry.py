"""The gateways that this program knows, one line each. A gateway without keys is off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.gateways.portone.adapter import PortOne
from coinslot.gateways.stripe.adapter import Stripe
from coinslot.gateways.toss.adapter import Toss

if TYPE_CHECKING:
    import httpx

    from coinslot.gateways.base import Gateway
    from coinslot.settings.deployment import Settings

_KNOWN = (PortOne, Toss, Stripe)


def open_gateways(settings: Settings, client: httpx.AsyncClient) -> dict[str, Gateway]:
    """Those that have their keys, by name."""
    made: list[Gateway | None] = [known.from_settings(settings, client) for known in _KNOWN]
    return {gateway.name: gateway for gateway in made if gateway is not None}
