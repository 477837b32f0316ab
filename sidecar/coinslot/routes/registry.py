"""The routes of the gateways that this program knows, one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.gateways.portone import routes as portone
from coinslot.gateways.stripe import routes as stripe
from coinslot.gateways.toss import routes as toss

if TYPE_CHECKING:
    from coinslot.routes.gateway_routes import GatewayRoutes

GATEWAY_ROUTES: tuple[GatewayRoutes, ...] = (
    portone.ROUTES,
    toss.ROUTES,
    stripe.ROUTES,
)
