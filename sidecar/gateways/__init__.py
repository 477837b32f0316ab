"""The gateways this sidecar knows: one line each. A gateway without keys is off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.gateways.portone_versions import PortOne
from sidecar.gateways.stripe import Stripe
from sidecar.gateways.toss import Toss

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from sidecar.gateways.base import Gateway
    from sidecar.settings import Settings

_KNOWN = (PortOne, Toss, Stripe)


def gateways(settings: Settings, client: httpx.AsyncClient) -> dict[str, Gateway]:
    """Those that have their keys, by name."""
    made: list[Gateway | None] = [known.from_settings(settings, client) for known in _KNOWN]
    return {gateway.name: gateway for gateway in made if gateway is not None}


async def close(known: Mapping[str, Gateway]) -> None:
    """Stripe's library has connections of its own; the others share the client's."""
    for gateway in known.values():
        if isinstance(gateway, Stripe):
            await gateway.close()
