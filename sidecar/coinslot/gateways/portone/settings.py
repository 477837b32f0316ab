"""The settings of PortOne: V1, which names them after Iamport, and V2."""

from __future__ import annotations

import base64
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, SecretStr, field_validator

from coinslot.settings.fields import (
    Address,
    BuyerFields,
    GatewaySeconds,
    Listed,
    ListedSecrets,
    by_method,
)
from coinslot.settings.gateway import GatewaySettings, half_given

V1_SDK = "https://cdn.iamport.kr/v1/iamport.js"
V2_SDK = "https://cdn.portone.io/v2/browser-sdk.js"

TAKES = ("card", "kakaopay", "naverpay", "tosspay", "transfer", "virtual_account", "mobile")
Channels = Annotated[Listed, AfterValidator(by_method("channels", TAKES))]


class PortOneSettings(GatewaySettings):
    """With the keys of both versions, V2 takes the new orders, and V1 ends those that it began."""

    gateway: ClassVar[str] = "portone"
    currencies: ClassVar[frozenset[str] | None] = frozenset({"KRW"})

    iamport_code: str | None = None
    iamport_api_key: SecretStr | None = None
    iamport_api_secret: SecretStr | None = None
    iamport_api_url: Address = "https://api.iamport.kr"
    iamport_sdk_url: Address = V1_SDK
    iamport_timeout: GatewaySeconds | None = None
    iamport_channel_keys: Channels = Field(default=[])
    # Of the channel whose contract is for billing keys, in either version.
    iamport_billing_channel_key: str | None = None

    portone_api_secret: SecretStr | None = None
    portone_store_id: str | None = None
    portone_channel_key: str | None = None
    portone_webhook_secrets: ListedSecrets = Field(default=[])
    portone_api_url: Address = "https://api.portone.io"
    portone_sdk_url: Address = V2_SDK
    portone_timeout: GatewaySeconds | None = None
    # Of the ways to pay that have a channel of their own.
    portone_channel_keys: Channels = Field(default=[])
    portone_billing_channel_key: str | None = None
    # What the payment company behind the channel wants of every buyer.
    portone_buyer_fields: BuyerFields = Field(default=[])

    @property
    def takes(self) -> tuple[str, ...]:
        return TAKES

    @property
    def v1_is_on(self) -> bool:
        return all(self._v1_keys().values())

    @property
    def v2_is_on(self) -> bool:
        return all(self._v2_keys().values())

    @property
    def stores_methods(self) -> bool:
        return self.is_on

    @property
    def issues_cash_receipts(self) -> bool:
        return self.is_on

    @property
    def is_on(self) -> bool:
        return self.v1_is_on or self.v2_is_on

    @property
    def v1_timeout(self) -> float:
        return self.seconds(self.iamport_timeout)

    @property
    def v2_timeout(self) -> float:
        return self.seconds(self.portone_timeout)

    def addresses(self) -> dict[str, str]:
        return {
            "IAMPORT_API_URL": self.iamport_api_url,
            "IAMPORT_SDK_URL": self.iamport_sdk_url,
            "PORTONE_API_URL": self.portone_api_url,
            "PORTONE_SDK_URL": self.portone_sdk_url,
        }

    def api_addresses(self) -> dict[str, str]:
        calls = {
            "IAMPORT_API_URL": self.iamport_api_url if self.v1_is_on else None,
            "PORTONE_API_URL": self.portone_api_url if self.v2_is_on else None,
        }
        return {name: url for name, url in calls.items() if url is not None}

    def probes(self) -> dict[str, str | None]:
        reads = {
            "IAMPORT_API_KEY, IAMPORT_API_SECRET": "imp_0" if self.v1_is_on else None,
            "PORTONE_API_SECRET, PORTONE_STORE_ID": "0" if self.v2_is_on else None,
        }
        return {name: key for name, key in reads.items() if key is not None}

    def missing_webhook_secrets(self) -> list[str]:
        """Of V2 alone: nothing signs V1's."""
        return super().missing_webhook_secrets() if self.v2_is_on else []

    def key_problems(self) -> list[str]:
        besides = {"PORTONE_WEBHOOK_SECRETS": self.portone_webhook_secrets}
        return [
            *half_given("PortOne V1", self._v1_keys()),
            *half_given("PortOne V2", self._v2_keys(), besides),
            *self._mixed_up(),
        ]

    def _mixed_up(self) -> list[str]:
        """The two public ids of V2 say what they are."""
        kinds = {"PORTONE_STORE_ID": "store-", "PORTONE_CHANNEL_KEY": "channel-key-"}
        return [
            f"{name} is another id: set the one that begins with {begins}"
            for name, begins in kinds.items()
            if (value := self._v2_keys()[name]) and not str(value).startswith(begins)
        ]

    def _v1_keys(self) -> dict[str, object]:
        return {
            "IAMPORT_CODE": self.iamport_code,
            "IAMPORT_API_KEY": self.iamport_api_key,
            "IAMPORT_API_SECRET": self.iamport_api_secret,
        }

    def _v2_keys(self) -> dict[str, object]:
        return {
            "PORTONE_API_SECRET": self.portone_api_secret,
            "PORTONE_STORE_ID": self.portone_store_id,
            "PORTONE_CHANNEL_KEY": self.portone_channel_key,
        }

    @field_validator("portone_webhook_secrets")
    @classmethod
    def _are_signing_secrets(cls, value: list[SecretStr]) -> list[SecretStr]:
        if not all(_is_signing_secret(each.get_secret_value()) for each in value):
            raise ValueError("are Base64, after whsec_, as PortOne's console shows them")
        return value


def _is_signing_secret(text: str) -> bool:
    try:
        return bool(base64.b64decode(text.removeprefix("whsec_"), validate=True))
    except ValueError:
        return False
