"""The gateways that are simulated. No other module outside a gateway's folder names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_settings import BaseSettings, SettingsConfigDict

from simulators.portone import settings as portone
from simulators.portone.v1.settings import PortOneV1Settings
from simulators.portone.v2.settings import PortOneV2Settings
from simulators.stripe import settings as stripe
from simulators.toss import settings as toss

if TYPE_CHECKING:
    from simulators.base import Simulator


METHODS = ", ".join(
    (
        "card=toss|portone",
        "kakaopay=portone|toss",
        "naverpay=portone|toss",
        "tosspay=toss|portone",
        "transfer=toss|portone",
        "virtual_account=toss|portone",
        "mobile=portone|toss",
        "card:USD=stripe",
        "applepay:USD=stripe",
        "googlepay:USD=stripe",
        "link:USD=stripe",
    )
)
"""The ways to pay that the local store offers: all there are."""


class SimulatorSettings(
    PortOneV1Settings,
    PortOneV2Settings,
    toss.TossSettings,
    stripe.StripeSettings,
    BaseSettings,
):
    """From the environment, under the names that the sidecar's own settings have."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore")


class GatewayChoices(portone.PortOneChoice):
    """The choices that a gateway leaves to the person who starts the local stack."""


def simulators(settings: SimulatorSettings) -> list[Simulator]:
    """One simulator for each gateway.

    They are imported here, since the local stack reads this module for the settings alone.
    """
    from simulators.portone.v1.simulator import PortOneV1Simulator  # noqa: PLC0415
    from simulators.portone.v2.simulator import PortOneV2Simulator  # noqa: PLC0415
    from simulators.stripe.simulator import StripeSimulator  # noqa: PLC0415
    from simulators.toss.simulator import TossSimulator  # noqa: PLC0415

    known: list[type[Simulator]] = [
        PortOneV1Simulator,
        PortOneV2Simulator,
        TossSimulator,
        StripeSimulator,
    ]
    return [each.from_settings(settings) for each in known]


def sidecar_environments(simulators_url: str, choices: GatewayChoices) -> list[dict[str, str]]:
    """For each gateway the settings with which the sidecar, and the store, use its simulator."""
    return [
        portone.sidecar_environment(simulators_url, choices),
        toss.sidecar_environment(simulators_url),
        stripe.sidecar_environment(simulators_url),
    ]
