"""The settings of Stripe."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr, field_validator

from coinslot.settings.fields import Address, GatewaySeconds, ListedSecrets
from coinslot.settings.gateway import GatewaySettings, half_given

SDK = "https://js.stripe.com/v3"
TAKES = ("card", "applepay", "googlepay", "link")


class StripeSettings(GatewaySettings):
    gateway: ClassVar[str] = "stripe"
    wanted_events: ClassVar[frozenset[str]] = frozenset(
        {
            *(f"payment_intent.{name}" for name in ("succeeded", "processing", "payment_failed")),
            *("payment_intent.canceled", "charge.refunded", "refund.updated", "refund.failed"),
            *(f"charge.dispute.{name}" for name in ("created", "updated", "closed")),
            *(f"charge.dispute.funds_{name}" for name in ("withdrawn", "reinstated")),
            "radar.early_fraud_warning.created",
        }
    )

    stripe_secret_key: SecretStr | None = None
    stripe_publishable_key: str | None = None
    # The guide's name; while one secret is being rolled it holds both.
    stripe_webhook_secret: ListedSecrets = Field(default=[])
    stripe_api_url: Address = "https://api.stripe.com"
    stripe_sdk_url: Address = SDK
    stripe_timeout: GatewaySeconds | None = None

    @property
    def takes(self) -> tuple[str, ...]:
        return TAKES

    @property
    def methods(self) -> list[str]:
        """A wallet needs a domain that is registered with Stripe: none is offered unasked."""
        return ["card"]

    @property
    def is_on(self) -> bool:
        return bool(self.stripe_secret_key and self.stripe_publishable_key)

    @property
    def stores_methods(self) -> bool:
        return self.is_on

    @property
    def timeout(self) -> float:
        return self.seconds(self.stripe_timeout)

    def addresses(self) -> dict[str, str]:
        return {"STRIPE_API_URL": self.stripe_api_url, "STRIPE_SDK_URL": self.stripe_sdk_url}

    def probes(self) -> dict[str, str | None]:
        return {"STRIPE_SECRET_KEY": "pi_0"}

    def key_problems(self) -> list[str]:
        secret = self.stripe_secret_key
        keys = {
            "STRIPE_SECRET_KEY": secret.get_secret_value() if secret else None,
            "STRIPE_PUBLISHABLE_KEY": self.stripe_publishable_key,
        }
        besides = {"STRIPE_WEBHOOK_SECRET": self.stripe_webhook_secret}
        return [*half_given("Stripe", keys, besides), *self._mixed_up(keys)]

    def _mixed_up(self, keys: dict[str, str | None]) -> list[str]:
        """A key's prefix tells its kind. Only the publishable one may go to every browser."""
        mode = self.coinslot_mode
        kinds = {"STRIPE_SECRET_KEY": ("sk", "rk"), "STRIPE_PUBLISHABLE_KEY": ("pk",)}
        return [
            f"{name} is no {mode} key: set the one that begins with {kinds[name][0]}_{mode}_"
            for name, key in keys.items()
            if key and not key.startswith(tuple(f"{kind}_{mode}_" for kind in kinds[name]))
        ]

    @field_validator("stripe_webhook_secret")
    @classmethod
    def _are_endpoint_secrets(cls, value: list[SecretStr]) -> list[SecretStr]:
        if not all(each.get_secret_value().startswith("whsec_") for each in value):
            raise ValueError("begins with whsec_, as the webhook's page at Stripe shows it")
        return value
