"""The parts of Stripe, for the registry of gateways."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from coinslot.gateways.parts import GatewayParts
from coinslot.gateways.stripe.browser import in_browser
from coinslot.gateways.stripe.settings import StripeSettings

if TYPE_CHECKING:
    import httpx

    from coinslot.gateways.stripe.adapter import Stripe


def opened(settings: StripeSettings, client: httpx.AsyncClient) -> Stripe:
    """The adapter. It is loaded here, since a server without Stripe can do without its library."""
    from coinslot.gateways.stripe.adapter import Stripe  # noqa: PLC0415

    return Stripe.from_settings(settings, client)


# The library names each address that it calls, whole and at INFO: our own lines say it with the
# order. Said here, it holds before the library is loaded.
logging.getLogger("stripe").setLevel(logging.WARNING)


# Of payments by the id of their intent.
_DASHBOARD = {
    "live": "https://dashboard.stripe.com/payments/{payment_key}",
    "test": "https://dashboard.stripe.com/test/payments/{payment_key}",
}

PARTS = GatewayParts(
    settings=StripeSettings, open=opened, browser=in_browser, payment_pages=_DASHBOARD
)
