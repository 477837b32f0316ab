"""The settings of Toss Payments."""

from __future__ import annotations

import re
from typing import ClassVar

from pydantic import Field, SecretStr

from coinslot.settings.fields import Address, BuyerFields, GatewaySeconds
from coinslot.settings.gateway import GatewaySettings, half_given

SDK = "https://js.tosspayments.com/v2/standard"

TAKES = ("card", "kakaopay", "naverpay", "tosspay", "transfer", "virtual_account", "mobile")

# Two families, of the API and of the widgets (g): a client key works with a secret key of its own.
_KEY = re.compile(r"(?P<mode>test|live)_(?P<family>g?)(?P<kind>ck|sk)_[A-Za-z0-9_]{1,180}")


class TossSettings(GatewaySettings):
    gateway: ClassVar[str] = "toss"
    currencies: ClassVar[frozenset[str] | None] = frozenset({"KRW"})
    # Its other two are of virtual accounts and of foreign methods, which not every shop offers.
    wanted_events: ClassVar[frozenset[str]] = frozenset({"PAYMENT_STATUS_CHANGED"})

    toss_client_key: str | None = None
    toss_secret_key: SecretStr | None = None
    toss_api_url: Address = "https://api.tosspayments.com"
    toss_sdk_url: Address = SDK
    toss_timeout: GatewaySeconds | None = None
    toss_buyer_fields: BuyerFields = Field(default=[])

    @property
    def has_widgets(self) -> bool:
        """True for keys of the widgets, in which the buyer chooses a way to pay."""
        found = _KEY.fullmatch(self.toss_client_key or "")
        return bool(found and found["family"])

    @property
    def takes(self) -> tuple[str, ...]:
        """With a widget's keys all ways are in the widget, which stands for the card."""
        return TAKES[:1] if self.has_widgets else TAKES

    @property
    def methods(self) -> list[str]:
        return [method for method in super().methods if method in self.takes]

    @property
    def is_on(self) -> bool:
        return bool(self.toss_client_key and self.toss_secret_key)

    @property
    def stores_methods(self) -> bool:
        """Toss issues billing keys to the keys of the API alone."""
        return self.is_on and not self.has_widgets

    @property
    def issues_cash_receipts(self) -> bool:
        return self.is_on

    @property
    def timeout(self) -> float:
        return self.seconds(self.toss_timeout)

    def addresses(self) -> dict[str, str]:
        return {"TOSS_API_URL": self.toss_api_url, "TOSS_SDK_URL": self.toss_sdk_url}

    def key_problems(self) -> list[str]:
        keys = {"TOSS_CLIENT_KEY": self.toss_client_key, "TOSS_SECRET_KEY": self.toss_secret_key}
        return [*half_given("Toss", keys), *self._mixed_up()]

    def _mixed_up(self) -> list[str]:
        """The client key goes to every browser: a secret one in its place would be published."""
        mode, secret = self.coinslot_mode, self.toss_secret_key
        if self.toss_client_key is None or secret is None:
            return []
        client_key = _KEY.fullmatch(self.toss_client_key)
        secret_key = _KEY.fullmatch(secret.get_secret_value())
        problems = []
        if client_key is None or (client_key["kind"], client_key["mode"]) != ("ck", mode):
            problems.append(
                f"TOSS_CLIENT_KEY is an invalid client key: set {mode}_ck_… or {mode}_gck_…"
            )
        if secret_key is None or (secret_key["kind"], secret_key["mode"]) != ("sk", mode):
            problems.append(
                f"TOSS_SECRET_KEY is an invalid secret key: set {mode}_sk_… or {mode}_gsk_…"
            )
        if client_key and secret_key and client_key["family"] != secret_key["family"]:
            problems.append(
                "TOSS_CLIENT_KEY and TOSS_SECRET_KEY are no pair: ck goes with sk, gck gsk"
            )
        return problems
