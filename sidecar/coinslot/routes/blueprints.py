"""Everything that the application serves: one blueprint per family, and one per gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.gateways.registry import require_same_gateways
from coinslot.routes import registry
from coinslot.routes.billing import billing
from coinslot.routes.console import console
from coinslot.routes.endpoints import endpoints
from coinslot.routes.health import health
from coinslot.routes.mail import mail_pages
from coinslot.routes.openapi.document import openapi
from coinslot.routes.orders import orders
from coinslot.routes.page_document import document_pages
from coinslot.routes.pages import pages
from coinslot.routes.refunds import refunds
from coinslot.routes.store import store
from coinslot.routes.web_files import web_files
from coinslot.routes.webhooks import webhooks

if TYPE_CHECKING:
    from sanic import Blueprint


def blueprints() -> list[Blueprint]:
    """Raises `IncompleteGatewayError` where a gateway has no routes."""
    require_same_gateways(
        "routes", "routes/registry.py", [each.gateway for each in registry.GATEWAY_ROUTES]
    )
    of_gateways = [each.blueprint for each in registry.GATEWAY_ROUTES]
    common = [health, openapi, *of_gateways, orders, refunds, billing, endpoints, mail_pages]
    common += [webhooks, store]
    return [*common, pages, document_pages, console, web_files]
