"""The parts of Stripe, for the registry of gateways."""

from coinslot.gateways.parts import GatewayParts
from coinslot.gateways.stripe.adapter import Stripe
from coinslot.gateways.stripe.browser import in_browser
from coinslot.gateways.stripe.settings import StripeSettings

PARTS = GatewayParts(settings=StripeSettings, open=Stripe.from_settings, browser=in_browser)
