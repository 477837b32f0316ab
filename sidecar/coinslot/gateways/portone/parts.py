"""The parts of PortOne, for the registry of gateways."""

from coinslot.gateways.parts import GatewayParts
from coinslot.gateways.portone.adapter import opened
from coinslot.gateways.portone.browser import in_browser
from coinslot.gateways.portone.settings import PortOneSettings

PARTS = GatewayParts(settings=PortOneSettings, open=opened, browser=in_browser)
