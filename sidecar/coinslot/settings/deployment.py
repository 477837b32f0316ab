"""Typed settings, from the environment and `.env` (the environment wins).

Everything that is wrong or half given is named at start, together, so that nobody fixes one line
per restart. No gateway is named here: `coinslot.settings.registry` lists their settings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import jwt
from pydantic import (
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from coinslot.settings import registry
from coinslot.settings.fields import Address, Listed, Mode, exposed, secrets_in, short_secrets
from coinslot.settings.gateway import GatewaySettings
from coinslot.settings.limits import LimitSettings
from coinslot.settings.methods import MethodSettings
from coinslot.settings.process import ProcessSettings
from coinslot.settings.shared import SharedSettings
from coinslot.settings.store import StoreSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_settings import BaseSettings

__all__ = ["Mode", "Settings", "SettingsError", "load_settings", "setting_names"]

S = TypeVar("S", bound="BaseSettings")
G = TypeVar("G", bound=GatewaySettings)

# The Supabase CLI signs the keys of every local project with this, and Supabase's documentation
# prints it: a service key made with it opens a database to anyone.
WELL_KNOWN_JWT_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"  # noqa: S105

_CANNOT_START = "Coinslot cannot start. In the environment or .env:"
_ORIGIN = re.compile(r"^https?://[A-Za-z0-9.\-\[\]:]+$")


class SettingsError(Exception):
    """Settings that cannot be served with; `str()` is the message for the operator."""


class Settings(StoreSettings, MethodSettings, LimitSettings, ProcessSettings, SharedSettings):
    """Everything an operator can set. Times are seconds, sizes bytes."""

    coinslot_sidecar_host: str = "127.0.0.1"
    coinslot_sidecar_port: int = Field(default=54430, ge=0, le=65535)
    coinslot_maintenance_seconds: float = Field(default=60, gt=0)
    coinslot_reconcile_seconds: float = Field(default=15, gt=0)
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
        return [each for part in (self, *self._gateways) for _, each in secrets_in(part)]

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
            *_mixed_up_keys(self),
            *short_secrets(self),
            *self.store_problems(live=self.live),
            *self.process_problems(),
            *(_too_open_for_live(self) if self.live else []),
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401 - any field, checked by pydantic
    """The settings of this process; raises `SettingsError` naming each wrong one."""
    wrong: list[ValidationError] = []
    common = _loaded(Settings, overrides, wrong)
    gateways = [_loaded(kind, overrides, wrong) for kind in registry.GATEWAY_SETTINGS]
    if common is None or wrong:
        raise SettingsError(_explain(wrong))
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


def _explain(errors: Iterable[ValidationError]) -> str:
    """One line per problem, each once. Never the input: it may be a secret."""
    lines = [_CANNOT_START]
    for error in errors:
        for problem in error.errors(include_input=False, include_url=False):
            name = ".".join(str(part) for part in problem["loc"]).upper()
            message = problem["msg"].removeprefix("Value error, ")
            if problem["type"] == "missing":
                message = "is not set"
            lines += [f"  {name} {line}" if name else f"  {line}" for line in message.splitlines()]
    return "\n".join(dict.fromkeys(lines))


def _mixed_up_keys(settings: Settings) -> list[str]:
    problems = []
    anon = settings.supabase_anon_key.get_secret_value()
    service = settings.supabase_service_role_key.get_secret_value()
    if anon.startswith("sb_secret_") or _role(anon) == "service_role":
        problems.append("SUPABASE_ANON_KEY holds a secret key: set the anon or publishable one")
    if service.startswith("sb_publishable_") or _role(service) in {"anon", "authenticated"}:
        problems.append(
            "SUPABASE_SERVICE_ROLE_KEY holds a public key: set the service_role or secret one"
        )
    return problems


def _too_open_for_live(settings: Settings) -> list[str]:
    problems = exposed("SUPABASE_URL", settings.supabase_url)
    if _signed_with_well_known_secret(settings.supabase_service_role_key.get_secret_value()):
        problems.append(
            "SUPABASE_SERVICE_ROLE_KEY is signed with Supabase's published local secret: "
            "use the key of your own project"
        )
    return problems


def _role(key: str) -> str | None:
    """The role a legacy key claims. Only to catch keys in the wrong place; trusts nothing."""
    try:
        claims = jwt.decode(key, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return None
    role = claims.get("role")
    return role if isinstance(role, str) else None


def _signed_with_well_known_secret(key: str) -> bool:
    try:
        jwt.decode(
            key,
            WELL_KNOWN_JWT_SECRET,
            algorithms=["HS256"],
            options={"verify_exp": False, "verify_aud": False},
        )
    except jwt.InvalidTokenError:
        return False
    return True
