"""Settings of what the app's endpoints are sent."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from coinslot.settings.fields import Listed

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network


class EndpointSettings(BaseSettings):
    # For an endpoint to answer, from the first byte to the last.
    coinslot_endpoint_seconds: float = Field(default=15, gt=0, le=30)
    # Between two looks for what is to be sent.
    coinslot_delivery_seconds: float = Field(default=1, gt=0)
    # Networks that are not public and may be called all the same, such as 10.0.0.0/8.
    coinslot_endpoint_networks: Listed = Field(default=[])

    @property
    def endpoint_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(map(ip_network, self.coinslot_endpoint_networks))

    @field_validator("coinslot_endpoint_networks")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        for each in value:
            try:
                ip_network(each)
            except ValueError as error:
                message = f"'{each}' is no network such as 10.0.0.0/8"
                raise ValueError(message) from error
        return value
