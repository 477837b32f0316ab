"""The keys of Supabase and of the gateways: does the other side take them?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import jwt

from coinslot.database.anonymous import AnonymousRefused
from coinslot.diagnosis.findings import Finding, fault, sound, unknown, warning
from coinslot.errors import CoinslotError, GatewayUnavailable, PaymentUnknownAtGateway
from coinslot.gateways.base import NOBODYS_ORDER
from coinslot.sealed import HOW_TO_MAKE

if TYPE_CHECKING:
    from coinslot.database import Database
    from coinslot.gateways.base import Gateway
    from coinslot.settings.deployment import Settings
    from coinslot.settings.gateway import GatewaySettings

# The second may be of the read, as of a store that the key does not belong to.
_REFUSALS = {
    "gateway_rejected_keys": "gateway_keys_refused",
    "gateway_refused": "gateway_read_refused",
}
_HOSTED = ".supabase.co"


async def public_key(database: Database, settings: Settings) -> Finding:
    """Reads with the public key. Raises where the database gives no answer about it."""
    try:
        await database.as_anonymous().look()
    except AnonymousRefused:
        key = settings.supabase_anon_key.get_secret_value()
        return fault(
            "keys",
            "anon_key_refused",
            f"SUPABASE_ANON_KEY is refused at SUPABASE_URL{_about(key, settings)}:"
            " every buyer is told to sign in",
            "Copy the anon or publishable key of the project that SUPABASE_URL names",
            stops_buyers=True,
        )
    return sound("keys", "SUPABASE_ANON_KEY is taken")


def service_key_refused(settings: Settings) -> Finding:
    key = settings.supabase_service_role_key.get_secret_value()
    return fault(
        "keys",
        "service_key_refused",
        f"SUPABASE_SERVICE_ROLE_KEY is refused at SUPABASE_URL{_about(key, settings)}",
        "Copy the service_role or secret key of the project that SUPABASE_URL names. If it is that"
        " one, rights are missing: select * from coinslot.check_installation();",
        stops_buyers=True,
    )


async def taken_by(gateway: Gateway, settings: GatewaySettings) -> list[Finding]:
    """Reads at the gateway with each of its keys, for a payment that nobody has."""
    return [await _probed(gateway, names, key) for names, key in settings.probes().items()]


def sealing(settings: Settings) -> Finding:
    current = settings.secret_keys.current
    if current is not None:
        return sound("settings", f"secrets are sealed with the key '{current}'")
    return warning(
        "settings",
        "secret_keys_missing",
        "COINSLOT_SECRET_KEYS is not set: nothing that needs a kept secret can be set up",
        f"Set it to main: and what this prints: {HOW_TO_MAKE}",
    )


def no_gateway() -> Finding:
    return fault(
        "gateways",
        "no_gateway",
        "none is set up",
        "Set the keys of one: .env.example names them",
        stops_buyers=True,
    )


async def _probed(gateway: Gateway, names: str, payment_key: str | None) -> Finding:
    subject = gateway.name
    try:
        await gateway.read(NOBODYS_ORDER, payment_key)
    except PaymentUnknownAtGateway:
        pass
    except GatewayUnavailable as error:
        if error.code not in _REFUSALS:
            return _no_answer(subject, error)
        return fault(
            "gateways",
            _REFUSALS[error.code],
            f"{subject} refuses {names}",
            f"Copy {names} again from the console of {subject}, for COINSLOT_MODE",
            stops_buyers=True,
        )
    except CoinslotError as error:
        return _no_answer(subject, error)
    return sound("gateways", f"{subject} takes {names}")


def _no_answer(subject: str, error: CoinslotError) -> Finding:
    return unknown(
        "gateways",
        "gateway_away",
        f"{subject} gives no answer to a read ({error.code})",
        f"Try again; look at the status page of {subject}",
    )


def _about(key: str, settings: Settings) -> str:
    """The reason that can be seen from a key in the old form, which is a JWT. Trusts nothing."""
    claims = _claims(key)
    expires, project = claims.get("exp"), claims.get("ref")
    if isinstance(expires, int) and expires < time.time():
        return " (it has expired)"
    host = urlsplit(settings.supabase_url).hostname or ""
    named = host.removesuffix(_HOSTED) if host.endswith(_HOSTED) else None
    if isinstance(project, str) and named is not None and project != named:
        return f" (it is of the project {project[:40]!a})"
    return ""


def _claims(key: str) -> dict[str, Any]:
    try:
        return dict(jwt.decode(key, options={"verify_signature": False}))
    except jwt.InvalidTokenError:
        return {}
