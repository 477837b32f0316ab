"""What each process of the stack is told, and what the person at the keyboard gets to see."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from coinslot.settings.deployment import setting_names
from devstack.keys import ApiKeys
from devstack.settings import ROOT, DevstackSettings

# Where an app of one's own runs while it is written, most often: it may call the sidecar, too.
_OWN_APPS = ("http://127.0.0.1:3000", "http://localhost:3000")


def persons_settings(dotenv: Path | None) -> dict[str, str]:
    """What the person set for the sidecar, in the environment or `.env`; nothing without a `.env`.

    Only settings: the rest of a shell's variables would make every start look like a new one.
    """
    if dotenv is None:
        return {}
    values = {**dotenv_values(dotenv), **os.environ}
    names = (name.upper() for name in setting_names())
    return {name: value for name in names if (value := values.get(name))}


def simulated_gateways(settings: DevstackSettings) -> list[dict[str, str]]:
    """Per gateway: the settings that turn the sidecar, and the store, to its simulator."""
    return [
        _PORTONE[settings.portone](settings.simulators_url),
        {
            "TOSS_CLIENT_KEY": "test_ck_sandbox",
            "TOSS_SECRET_KEY": "test_sk_sandbox",
            "TOSS_API_URL": f"{settings.simulators_url}/toss",
            "TOSS_SDK_URL": f"{settings.simulators_url}/toss/sdk.js",
        },
        {
            "STRIPE_SECRET_KEY": "sk_test_sandbox",
            "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox",
            "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
            "STRIPE_API_URL": f"{settings.simulators_url}/stripe",
            "STRIPE_SDK_URL": f"{settings.simulators_url}/stripe/sdk.js",
        },
    ]


def _portone_v1(simulators_url: str) -> dict[str, str]:
    return {
        "IAMPORT_CODE": "imp00000000",
        "IAMPORT_API_KEY": "sandbox-key",
        "IAMPORT_API_SECRET": "sandbox-secret",
        "IAMPORT_API_URL": f"{simulators_url}/portone-v1",
        "IAMPORT_SDK_URL": f"{simulators_url}/portone-v1/sdk.js",
    }


def portone_v2(simulators_url: str) -> dict[str, str]:
    return {
        "PORTONE_API_SECRET": "sandbox-v2-secret",
        "PORTONE_STORE_ID": "store-sandbox",
        "PORTONE_CHANNEL_KEY": "channel-key-sandbox",
        "PORTONE_WEBHOOK_SECRETS": "whsec_Y29pbnNsb3QtcG9ydG9uZS12Mi1zYW5kYm94",
        "PORTONE_API_URL": f"{simulators_url}/portone-v2",
        "PORTONE_SDK_URL": f"{simulators_url}/portone-v2/sdk.js",
    }


_PORTONE = {"v1": _portone_v1, "v2": portone_v2}


def sidecar(settings: DevstackSettings, keys: ApiKeys, person: Mapping[str, str]) -> dict[str, str]:
    """The person's own settings, on the local database. Gateways they gave keys for stay real."""
    simulated = {
        name: value
        for values in simulated_gateways(settings)
        if not any(name in person for name in values if not name.endswith("_URL"))
        for name, value in values.items()
    }
    return {
        **_system(),
        # The store page is the app, until somebody sets up one of their own.
        "FRONTEND_URL": settings.sidecar_url,
        "CORS_ORIGINS": ",".join(_OWN_APPS),
        "COINSLOT_LOG_FORMAT": "console",
        "COINSLOT_VIRTUAL_ACCOUNTS": "true",
        "COINSLOT_DEMO_BANK_URL": f"{settings.simulators_url}/_windows/bank",
        **person,
        **simulated,
        "COINSLOT_MODE": "test",
        "COINSLOT_SIDECAR_PORT": str(settings.sidecar_port),
        "COINSLOT_METRICS_PORT": str(settings.metrics_port),
        "SUPABASE_URL": settings.api_url,
        "SUPABASE_ANON_KEY": keys.anon,
        "SUPABASE_SERVICE_ROLE_KEY": keys.service_role,
        **_python(),
    }


def simulators(settings: DevstackSettings) -> dict[str, str]:
    return {
        **_system(),
        **_all_simulated(settings),
        "COINSLOT_SIMULATORS_PORT": str(settings.simulators_port),
        "COINSLOT_SIMULATORS_STATE": str(settings.devstack_dir / "simulators.sqlite"),
        "SIDECAR_URL": settings.sidecar_url,
        **_python(),
    }


def api_gateway(settings: DevstackSettings) -> dict[str, str]:
    """Should Caddy keep anything, it keeps it here; its configuration it is told otherwise."""
    folder = str(settings.devstack_dir.resolve() / "caddy")
    return {
        **dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), folder),
        # Forwarding one request takes turns with PostgREST and Postgres: a second thread would find
        # nothing to do, and wake up for it each time.
        "GOMAXPROCS": "1",
        "GOGC": "400",
    }


def auth(settings: DevstackSettings, keys: ApiKeys) -> dict[str, str]:
    return {
        **_system(),
        "COINSLOT_AUTH_PORT": str(settings.auth_port),
        "POSTGREST_URL": settings.postgrest_url,
        "AUTH_DATABASE_URL": settings.database_url("supabase_auth_admin"),
        "SUPABASE_JWT_SECRET": keys.jwt_secret,
        **_python(),
    }


def postgrest(settings: DevstackSettings, keys: ApiKeys) -> dict[str, str]:
    """As hosted projects have it."""
    return {
        "PGRST_DB_URI": settings.database_url("authenticator"),
        "PGRST_DB_SCHEMAS": "public",
        "PGRST_DB_EXTRA_SEARCH_PATH": "public, extensions",
        "PGRST_DB_ANON_ROLE": "anon",
        "PGRST_DB_MAX_ROWS": "1000",
        "PGRST_DB_POOL": "16",
        "PGRST_JWT_SECRET": keys.jwt_secret,
        # Newer ones do so unasked: a signature is checked once, its expiry every time.
        "PGRST_JWT_CACHE_MAX_LIFETIME": "3600",
        "PGRST_SERVER_HOST": "127.0.0.1",
        "PGRST_SERVER_PORT": str(settings.postgrest_port),
    }


def published(settings: DevstackSettings, keys: ApiKeys) -> dict[str, str]:
    """For `.devstack/env`: everything a frontend, a test or psql needs to use the stack."""
    return {
        "SUPABASE_URL": settings.api_url,
        "SUPABASE_ANON_KEY": keys.anon,
        "SUPABASE_SERVICE_ROLE_KEY": keys.service_role,
        "SUPABASE_PUBLISHABLE_KEY": keys.publishable,
        "SUPABASE_SECRET_KEY": keys.secret,
        "SUPABASE_JWT_SECRET": keys.jwt_secret,
        "DATABASE_URL": settings.database_url(),
        "ADMIN_DATABASE_URL": settings.database_url("supabase_admin"),
        "POSTGREST_URL": settings.postgrest_url,
        "SIDECAR_URL": settings.sidecar_url,
        "METRICS_URL": settings.metrics_url,
        "STORE_URL": settings.store_url,
        "SIMULATORS_URL": settings.simulators_url,
        "FRONTEND_URL": settings.sidecar_url,
        **_all_simulated(settings),
    }


def _all_simulated(settings: DevstackSettings) -> dict[str, str]:
    gateways = simulated_gateways(settings)
    return {name: value for gateway in gateways for name, value in gateway.items()}


def _system() -> dict[str, str]:
    names = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "HTTPS_PROXY", "NO_PROXY")
    return {name: os.environ[name] for name in names if name in os.environ}


def _python() -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT / "sidecar"), "PYTHONUNBUFFERED": "1"}
