"""The parts of Acme, for the registry of gateways."""

from coinslot.gateways.parts import GatewayParts
from tests.toy_gateway.adapter import Acme
from tests.toy_gateway.browser import in_browser
from tests.toy_gateway.settings import AcmeSettings

PARTS = GatewayParts(settings=AcmeSettings, open=Acme.from_settings, browser=in_browser)
