"""The parts of Toss Payments, for the registry of gateways."""

from coinslot.gateways.parts import GatewayParts
from coinslot.gateways.toss.adapter import Toss
from coinslot.gateways.toss.browser import in_browser
from coinslot.gateways.toss.settings import TossSettings

PARTS = GatewayParts(settings=TossSettings, open=Toss.from_settings, browser=in_browser)
