"""The gateways, one driver each."""

from __future__ import annotations

from tests.support.gateways.driver import GatewayDriver
from tests.support.gateways.portone_v1 import PortOneV1Driver
from tests.support.gateways.portone_v2 import PortOneV2Driver
from tests.support.gateways.stripe import StripeDriver
from tests.support.gateways.toss import TossDriver

PORTONE_V1, PORTONE_V2 = PortOneV1Driver(), PortOneV2Driver()
STRIPE, TOSS = StripeDriver(), TossDriver()
DRIVERS: tuple[GatewayDriver, ...] = (PORTONE_V1, PORTONE_V2, TOSS, STRIPE)


def driver_named(name: str) -> GatewayDriver:
    return next(driver for driver in DRIVERS if driver.name == name)
