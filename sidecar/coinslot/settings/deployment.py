"""Typed settings, from the environment and `.env` (the environment wins).

What is wrong or half given is named at start, together, so that nobody fixes one line per restart.
"""

from __future__ import annotations

import base64
import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import jwt
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from coinslot.settings.limits import LimitSettings
from coinslot.settings.process import ProcessSettings
from coinslot.settings.store import StoreSettings

Mode = Literal["test", "live"]

# The Supabase CLI signs the keys of every local project with this, and Supabase's documentation
# prints it: a service key made with it opens a database to anyone.
WELL_KNOWN_JWT_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"  # noqa: S105

# Each with an address of its API and one of its browser script.
_ADDRESSED = ("iamport", "portone", "toss", "stripe")
_LOOPBACK = re.compile(r"^(localhost|.*\.localhost|127(\.\d+){3}|0\.0\.0\.0|::1?)$")
_ORIGIN = re.compile(r"^https?://[A-Za-z0-9.\-\[\]:]+$")


class SettingsError(Exception):
    """Settings that cannot be served with; `str()` is the message for the operator."""


class Settings(StoreSettings, LimitSettings, ProcessSettings, BaseSettings):
    """Everything an operator can set. Times are seconds, sizes bytes."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore"
    )

    coinslot_mode: Mode = "test"
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

    supabase_url: str
    supabase_anon_key: SecretStr
    supabase_service_role_key: SecretStr

    frontend_url: str
    cors_origins: Annotated[list[str], NoDecode] = []

    iamport_code: str | None = None
    iamport_api_key: SecretStr | None = None
    iamport_api_secret: SecretStr | None = None
    iamport_api_url: str = "https://api.iamport.kr"

    toss_client_key: str | None = None
    toss_secret_key: SecretStr | None = None
    toss_api_url: str = "https://api.tosspayments.com"

    stripe_secret_key: SecretStr | None = None
    stripe_publishable_key: str | None = None
    # The guide's name; while one secret is being rolled it holds both.
    stripe_webhook_secret: Annotated[list[SecretStr], NoDecode] = []
    stripe_api_url: str = "https://api.stripe.com"

    portone_api_secret: SecretStr | None = None
    portone_store_id: str | None = None
    portone_channel_key: str | None = None
    portone_webhook_secrets: Annotated[list[SecretStr], NoDecode] = []
    portone_api_url: str = "https://api.portone.io"

    @property
    def live(self) -> bool:
        return self.coinslot_mode == "live"

    def secrets(self) -> list[str]:
        """Every secret value, so that logs can blank them wherever they turn up."""
        values = [getattr(self, name) for name in type(self).model_fields]
        values += [each for value in values if isinstance(value, list) for each in value]
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]

    @field_validator(
        "cors_origins", "portone_webhook_secrets", "stripe_webhook_secret", mode="before"
    )
    @classmethod
    def _split_list(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return [each.strip() for each in value.split(",") if each.strip()]

    @field_validator("portone_webhook_secrets")
    @classmethod
    def _are_signing_secrets(cls, value: list[SecretStr]) -> list[SecretStr]:
        for secret in value:
            try:
                key = base64.b64decode(
                    secret.get_secret_value().removeprefix("whsec_"), validate=True
                )
            except ValueError:
                key = b""
            if not key:
                raise ValueError("are Base64, after whsec_, as PortOne's console shows them")
        return value

    @field_validator("stripe_webhook_secret")
    @classmethod
    def _are_endpoint_secrets(cls, value: list[SecretStr]) -> list[SecretStr]:
        if not all(each.get_secret_value().startswith("whsec_") for each in value):
            raise ValueError("begins with whsec_, as the webhook's page at Stripe shows it")
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

    @field_validator(
        "supabase_url",
        "frontend_url",
        "coinslot_demo_bank_url",
        *(f"{name}_api_url" for name in _ADDRESSED),
        *(f"{name}_sdk_url" for name in _ADDRESSED),
    )
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise ValueError("must be an address such as https://example.com")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [
            *_half_given(self),
            *_mixed_up_keys(self),
            *_toss_problems(self),
            *_stripe_problems(self),
            *self.store_problems(live=self.live),
            *self.process_problems(),
            *(_too_open_for_live(self) if self.live else []),
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401 - any field, checked by pydantic
    """The settings of this process; raises `SettingsError` naming each wrong one."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    """One line per problem. Never the input: it may be a secret."""
    lines = ["Coinslot cannot start. In the environment or .env:"]
    for problem in error.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in problem["loc"]).upper()
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "missing":
            message = "is not set"
        lines += [f"  {name} {line}" if name else f"  {line}" for line in message.splitlines()]
    return "\n".join(lines)


# Per gateway: the keys that it needs, and what makes no sense without them.
_KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "PortOne V1": (("iamport_code", "iamport_api_key", "iamport_api_secret"), ()),
    "PortOne V2": (
        ("portone_api_secret", "portone_store_id", "portone_channel_key"),
        ("portone_webhook_secrets",),
    ),
    "Toss": (("toss_client_key", "toss_secret_key"), ()),
    "Stripe": (("stripe_secret_key", "stripe_publishable_key"), ("stripe_webhook_secret",)),
}


def _half_given(settings: Settings) -> list[str]:
    problems = []
    for gateway, (needed, besides) in _KEYS.items():
        missing = [name.upper() for name in needed if not getattr(settings, name)]
        given = [name for name in (*needed, *besides) if getattr(settings, name)]
        if missing and given:
            problems.append(
                f"{', '.join(missing)} not set: set all of {gateway}'s keys, or none to turn it off"
            )
    return problems


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


# Two families, of the API and of the widgets (g): a client key works with a secret key of its own.
_TOSS_KEY = re.compile(r"(?P<mode>test|live)_(?P<family>g?)(?P<kind>ck|sk)_[A-Za-z0-9_]{1,180}")


def _toss_problems(settings: Settings) -> list[str]:
    """The client key goes to every browser: a secret one in its place would be published."""
    mode, secret = settings.coinslot_mode, settings.toss_secret_key
    if settings.toss_client_key is None or secret is None:
        return []
    client_key = _TOSS_KEY.fullmatch(settings.toss_client_key)
    secret_key = _TOSS_KEY.fullmatch(secret.get_secret_value())
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
        problems.append("TOSS_CLIENT_KEY and TOSS_SECRET_KEY are no pair: ck goes with sk, gck gsk")
    return problems


def _stripe_problems(settings: Settings) -> list[str]:
    """A key's prefix tells what it is. The publishable one goes to every browser: no other may."""
    mode, secret = settings.coinslot_mode, settings.stripe_secret_key
    keys = (
        ("STRIPE_SECRET_KEY", secret and secret.get_secret_value(), ("sk", "rk")),
        ("STRIPE_PUBLISHABLE_KEY", settings.stripe_publishable_key, ("pk",)),
    )
    return [
        f"{name} is no {mode} key: set the one that begins with {kinds[0]}_{mode}_"
        for name, key, kinds in keys
        if key and not key.startswith(tuple(f"{kind}_{mode}_" for kind in kinds))
    ]


def _too_open_for_live(settings: Settings) -> list[str]:
    problems = []
    addresses = (f"{name}_{kind}_url" for name in _ADDRESSED for kind in ("api", "sdk"))
    for name in ("supabase_url", *addresses):
        parts = urlsplit(getattr(settings, name))
        if parts.scheme != "https":
            problems.append(f"{name.upper()} must be https in live mode")
        if _LOOPBACK.match(parts.hostname or ""):
            problems.append(f"{name.upper()} points at this machine, which live mode refuses")
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
