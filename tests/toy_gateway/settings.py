"""The settings of Acme."""

from __future__ import annotations

from typing import ClassVar

from pydantic import SecretStr

from coinslot.settings.fields import Address, GatewaySeconds
from coinslot.settings.gateway import GatewaySettings, half_given


class AcmeSettings(GatewaySettings):
    gateway: ClassVar[str] = "acme"

    acme_api_key: SecretStr | None = None
    acme_webhook_secret: SecretStr | None = None
    acme_api_url: Address = "https://api.acme.test"
    acme_sdk_url: Address = "https://js.acme.test/acme.js"
    acme_timeout: GatewaySeconds | None = None

    @property
    def is_on(self) -> bool:
        return bool(self.acme_api_key and self.acme_webhook_secret)

    @property
    def timeout(self) -> float:
        return self.seconds(self.acme_timeout)

    def addresses(self) -> dict[str, str]:
        return {"ACME_API_URL": self.acme_api_url, "ACME_SDK_URL": self.acme_sdk_url}

    def key_problems(self) -> list[str]:
        keys = {
            "ACME_API_KEY": self.acme_api_key,
            "ACME_WEBHOOK_SECRET": self.acme_webhook_secret,
        }
        return half_given("Acme", keys)
