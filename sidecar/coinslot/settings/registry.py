"""The settings of the gateways that this program knows, one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.gateways.portone.settings import PortOneSettings
from coinslot.gateways.stripe.settings import StripeSettings
from coinslot.gateways.toss.settings import TossSettings

if TYPE_CHECKING:
    from coinslot.settings.gateway import GatewaySettings

GATEWAY_SETTINGS: tuple[type[GatewaySettings], ...] = (
    PortOneSettings,
    TossSettings,
    StripeSettings,
)
