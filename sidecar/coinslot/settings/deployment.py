"""Typed settings, from the environment and `.env` (the environment wins).

Everything that is wrong or half given is named at start, together, so that nobody fixes one line
per restart. No gateway is named here: `coinslot.settings.registry` lists their settings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from pydantic import (
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from coinslot.settings import registry, supabase_keys
from coinslot.settings.endpoints import EndpointSettings
from coinslot.settings.fields import (
    Address,
    Listed,
    Mode,
    exposed,
    secrets_in,
    short_secrets,
    unclean,
)
from coinslot.settings.files import settings_in_files
from coinslot.settings.gateway import GatewaySettings
from coinslot.settings.limits import LimitSettings
from coinslot.settings.mail import MailSettings
from coinslot.settings.methods import MethodSettings
from coinslot.settings.process import ProcessSettings
from coinslot.settings.sealing import SealingSettings
from coinslot.settings.shared import SharedSettings
from coinslot.settings.store import StoreSettings
from coinslot.settings.trace_collector import TraceSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_settings import BaseSettings

__all__ = ["Mode", "Settings", "SettingsError", "load_settings", "setting_names"]

S = TypeVar("S", bound="BaseSettings")
G = TypeVar("G", bound=GatewaySettings)

_CANNOT_START = "Coinslot cannot start. In the environment or .env:"
_ORIGIN = re.compile(r"^https?://[A-Za-z0-9.\-\[\]:]+$")


class SettingsError(Exception):
    """Settings that cannot be served with; `str()` is the message for the operator."""


class Settings(
    StoreSettings,
    MethodSettings,
    LimitSettings,
    ProcessSettings,
    SealingSettings,
    EndpointSettings,
    MailSettings,
    TraceSettings,
    SharedSettings,
):
    """Everything an operator can set. Times are seconds, sizes bytes."""

    coinslot_maintenance_seconds: float = Field(default=60, gt=0)
    coinslot_reconcile_seconds: float = Field(default=15, gt=0)
    # How often it is looked for subscriptions to charge, and how many are charged at a time.
    coinslot_charge_seconds: float = Field(default=15, gt=0)
    coinslot_charges_at_once: int = Field(default=4, ge=1, le=64)
    coinslot_inbox_concurrency: int = Field(default=16, ge=1, le=64)
    coinslot_sweep_seconds: float = Field(default=1, gt=0)
    coinslot_sweep_idle_seconds: float = Field(default=10, gt=0)
    coinslot_metrics_host: str = "127.0.0.1"
    coinslot_metrics_port: int | None = Field(default=None, ge=0, le=65535)
    coinslot_log_format: Literal["console", "json"] = "json"

    supabase_url: Address
    supabase_anon_key: SecretStr
    supabase_service_role_key: SecretStr

    cors_origins: Listed = Field(default=[])

    _gateways: tuple[GatewaySettings, ...] = PrivateAttr(default=())

    @property
    def gateways(self) -> tuple[GatewaySettings, ...]:
        """The settings of every gateway that this program knows, also of those that are off."""
        return self._gateways

    def of(self, kind: type[G]) -> G:
        """One gateway's settings. Raises `SettingsError` for a class that is not registered."""
        for each in self._gateways:
            if isinstance(each, kind):
                return each
        message = f"{kind.__name__} is not listed in coinslot/settings/registry.py"
        raise SettingsError(message)

    def with_gateways(self, gateways: Iterable[GatewaySettings]) -> Self:
        self._gateways = tuple(gateways)
        return self

    def secrets(self) -> list[str]:
        """Every secret value, so that logs can blank them wherever they turn up."""
        found = [each for part in (self, *self._gateways) for _, each in secrets_in(part)]
        return found + self.bare_keys()

    def _key_problems(self) -> list[str]:
        return supabase_keys.problems(
            self.supabase_url,
            self.supabase_anon_key.get_secret_value(),
            self.supabase_service_role_key.get_secret_value(),
        )

    @field_validator("supabase_url")
    @classmethod
    def _is_of_a_project(cls, value: str) -> str:
        if value.endswith(("/rest/v1", "/auth/v1")) or "/dashboard/" in value:
            raise ValueError("is the project's address alone: https://….supabase.co")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: list[str]) -> list[str]:
        origins = [origin.rstrip("/") for origin in value]
        for origin in origins:
            if not _ORIGIN.match(origin):
                message = f"'{origin}' is not an origin; list them as https://app.example.com,…"
                raise ValueError(message)
        return origins

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [
            *(unclean(self) or self._key_problems()),
            *short_secrets(self),
            *self.store_problems(live=self.live),
            *self.process_problems(),
            *self.sealing_problems(live=self.live),
            *self.mail_problems(live=self.live),
            *self.trace_problems(),
            *(_too_open_for_live(self) if self.live else []),
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401 - any field, checked by pydantic
    """The settings of this process; raises `SettingsError` naming each wrong one."""
    wrong: list[ValidationError] = []
    in_files, unread = settings_in_files(setting_names(), overrides.get("_env_file", ".env"))
    given = {**in_files, **overrides}
    common = _loaded(Settings, given, wrong)
    gateways = [_loaded(kind, given, wrong) for kind in registry.GATEWAY_SETTINGS]
    if common is None or wrong or unread:
        raise SettingsError(_explain(wrong, unread))
    settings = common.with_gateways(each for each in gateways if each is not None)
    if problems := settings.method_problems(settings.gateways):
        raise SettingsError("\n  ".join([_CANNOT_START, *problems]))
    return settings


def setting_names() -> list[str]:
    """The names of everything that an operator can set, each once."""
    kinds: tuple[type[SharedSettings], ...] = (Settings, *registry.GATEWAY_SETTINGS)
    return list(dict.fromkeys(name for kind in kinds for name in kind.model_fields))


def _loaded(kind: type[S], overrides: dict[str, Any], wrong: list[ValidationError]) -> S | None:
    """The settings of that kind; None where they are wrong, which is added to `wrong`."""
    try:
        return kind(**overrides)
    except ValidationError as error:
        wrong.append(error)
        return None


def _explain(errors: Iterable[ValidationError], unread: Mapping[str, str]) -> str:
    """One line per problem, each once. Never the input: it may be a secret."""
    lines = [_CANNOT_START]
    lines += [f"  {name} {problem}" for name, problem in unread.items()]
    for error in errors:
        for problem in error.errors(include_input=False, include_url=False):
            name = ".".join(str(part) for part in problem["loc"]).upper()
            message = problem["msg"].removeprefix("Value error, ")
            if problem["type"] == "missing":
                if f"{name}_FILE" in unread:
                    continue
                message = "is not set"
            lines += [f"  {name} {line}" if name else f"  {line}" for line in message.splitlines()]
    return "\n".join(dict.fromkeys(lines))


def _too_open_for_live(settings: Settings) -> list[str]:
    problems = exposed("SUPABASE_URL", settings.supabase_url)
    key = settings.supabase_service_role_key.get_secret_value()
    if supabase_keys.anybody_can_sign(key):
        problems.append(
            "SUPABASE_SERVICE_ROLE_KEY is signed with Supabase's published local secret: "
            "use the key of your own project"
        )
    return problems
