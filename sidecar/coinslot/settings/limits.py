"""Settings of what one caller may take of the sidecar: how often, how much, for how long."""

from __future__ import annotations

import re
from typing import Literal

from limits import RateLimitItem, parse
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from coinslot.settings import limit_storage

Group = Literal["orders", "settlements", "refunds", "reads"]
GROUPS: tuple[Group, ...] = ("orders", "settlements", "refunds", "reads")

OFF = "off"


class LimitSettings(BaseSettings):
    # Of one signed-in user, as `20/minute`, `100/5 minutes` or `off`.
    coinslot_limit_orders: str = "20/minute"
    coinslot_limit_settlements: str = "60/minute"
    coinslot_limit_refunds: str = "60/minute"
    coinslot_limit_reads: str = "120/minute"
    # So many times as much for one address: behind one there may be an office, or a mobile network.
    coinslot_limit_address_factor: int = Field(default=5, ge=1)
    # Without one, this process counts alone. The address may hold a password.
    coinslot_limit_storage: SecretStr | None = None

    # Who is believed about the address of a caller. Nobody, unless set: then it is the peer's.
    coinslot_proxies: int = Field(default=0, ge=0, le=16)
    coinslot_real_ip_header: str | None = Field(default=None, pattern=r"^[A-Za-z0-9-]+$")
    coinslot_forwarded_secret: SecretStr | None = None

    coinslot_body_limit: int = Field(default=65_536, ge=1_024)
    coinslot_request_seconds: float = Field(default=15, gt=0)
    coinslot_response_seconds: float = Field(default=60, gt=0)
    coinslot_keep_alive_seconds: float = Field(default=75, gt=0)

    def rate(self, group: Group) -> RateLimitItem | None:
        """Of one user; None where there is no limit."""
        text: str = getattr(self, f"coinslot_limit_{group}")
        return None if text == OFF else parse(text)

    @property
    def believes_a_proxy(self) -> bool:
        return bool(
            self.coinslot_proxies or self.coinslot_real_ip_header or self.coinslot_forwarded_secret
        )

    @field_validator(*(f"coinslot_limit_{group}" for group in GROUPS))
    @classmethod
    def _is_rate(cls, value: str) -> str:
        if value != OFF and not _understood(value):
            raise ValueError("is a rate such as 20/minute or 100/5 minutes, or off")
        return value

    @field_validator("coinslot_limit_storage")
    @classmethod
    def _is_storage(cls, value: SecretStr | None) -> SecretStr | None:
        wrong = None if value is None else limit_storage.problem(value.get_secret_value())
        if wrong is not None:
            raise ValueError(wrong)
        return value

    @field_validator("coinslot_forwarded_secret")
    @classmethod
    def _is_hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[A-Za-z0-9_-]{16,}", value.get_secret_value()):
            raise ValueError("has at least 16 letters, digits, - or _")
        return value


def _understood(text: str) -> bool:
    try:
        rate = parse(text)
    except ValueError:
        return False
    return not re.search("[,;|]", text) and rate.amount > 0
