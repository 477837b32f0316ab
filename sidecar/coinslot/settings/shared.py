"""The settings that the common part and every gateway's part read."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict

from coinslot.settings.fields import Address, GatewaySeconds, Mode


class SharedSettings(BaseSettings):
    """From the environment and `.env`. The environment wins; an empty value counts as not set."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore"
    )

    coinslot_mode: Mode = "test"
    frontend_url: Address
    coinslot_gateway_timeout: GatewaySeconds = 10
    # Whether the store offers them: that depends on the contract with the gateway.
    coinslot_virtual_accounts: bool = False

    @property
    def live(self) -> bool:
        return self.coinslot_mode == "live"
