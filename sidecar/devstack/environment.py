"""The environment of each process of the stack, and the values published for the person."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from devstack.keys import ApiKeys
from devstack.settings import ROOT, DevstackSettings
from simulators.registry import METHODS, sidecar_environments

_EXAMPLE = ROOT / ".env.example"
_SETTING = re.compile(r"^(?:# )?([A-Z][A-Z_]*)=", re.MULTILINE)
# A text, which live mode refuses: everybody can read it here.
_LOCAL_SECRET_KEY = f"local:{base64.b64encode(b'only-on-the-local-coinslot-stack').decode()}"
# The usual addresses of an app under development, which may call the sidecar as well.
_OWN_APPS = ("http://127.0.0.1:3000", "http://localhost:3000")


def persons_settings(dotenv: Path | None) -> dict[str, str]:
    """The person's own settings of the sidecar, from the environment or `.env`; none without it.

    Other variables of the shell are left out: they would make every start look like a new one.
    """
    if dotenv is None:
        return {}
    values = {**dotenv_values(dotenv), **os.environ}
    return {name: value for name in sidecar_settings() if (value := values.get(name))}


def sidecar_settings() -> list[str]:
    """The names of the sidecar's settings, from `.env.example`, which lists all there are."""
    own = {f"COINSLOT_{name.upper()}" for name in DevstackSettings.model_fields}
    return [name for name in _SETTING.findall(_EXAMPLE.read_text()) if name not in own]


def sidecar(settings: DevstackSettings, keys: ApiKeys, person: Mapping[str, str]) -> dict[str, str]:
    """The person's own settings, on the local database. Gateways with keys of theirs stay real."""
    simulated = {
        name: value
        for values in sidecar_environments(settings.simulators_url, settings)
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
        "COINSLOT_METHODS": METHODS,
        "COINSLOT_SECRET_KEYS": _LOCAL_SECRET_KEY,
        "COINSLOT_DEMO_BANK_URL": f"{settings.simulators_url}/_windows/bank",
        **person,
        **simulated,
        "COINSLOT_MODE": "test",
        "COINSLOT_SIDECAR_PORT": str(settings.sidecar_port),
        "COINSLOT_METRICS_PORT": str(settings.metrics_port),
        "SUPABASE_URL": settings.api_url,
        **_project_keys(settings, keys),
        **_python(),
    }


def simulators(settings: DevstackSettings) -> dict[str, str]:
    return {
        **_system(),
        "COINSLOT_SIMULATORS_PORT": str(settings.simulators_port),
        "COINSLOT_SIMULATORS_STATE": str(settings.devstack_dir / "simulators.sqlite"),
        "SIDECAR_URL": settings.sidecar_url,
        **_python(),
    }


def api_gateway(settings: DevstackSettings) -> dict[str, str]:
    """Folders for whatever Caddy keeps. It reads its configuration from standard input."""
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
        "SUPABASE_SIGNING_KEYS": "ES256" if keys.asymmetric else "",
        **_python(),
    }


def postgrest(settings: DevstackSettings, keys: ApiKeys) -> dict[str, str]:
    """PostgREST's settings, as hosted projects have them."""
    return {
        "PGRST_DB_URI": settings.database_url("authenticator"),
        "PGRST_DB_SCHEMAS": "public",
        "PGRST_DB_EXTRA_SEARCH_PATH": "public, extensions",
        "PGRST_DB_ANON_ROLE": "anon",
        "PGRST_DB_MAX_ROWS": "1000",
        "PGRST_DB_POOL": "10" if settings.hosted else "16",
        "PGRST_JWT_SECRET": keys.postgrest_secret,
        # A signature is checked once, its expiry every time. Newer versions do so unasked.
        "PGRST_JWT_CACHE_MAX_LIFETIME": "3600",
        "PGRST_SERVER_HOST": "127.0.0.1",
        "PGRST_SERVER_PORT": str(settings.postgrest_port),
    }


def published(settings: DevstackSettings, keys: ApiKeys) -> dict[str, str]:
    """The values in `.devstack/env`: all that a frontend, a test or psql needs of the stack."""
    gateways = sidecar_environments(settings.simulators_url, settings)
    return {
        "SUPABASE_URL": settings.api_url,
        **_project_keys(settings, keys),
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
        "COINSLOT_SECRET_KEYS": _LOCAL_SECRET_KEY,
        **{name: value for values in gateways for name, value in values.items()},
    }


def _project_keys(settings: DevstackSettings, keys: ApiKeys) -> dict[str, str]:
    """The two that the sidecar takes."""
    public, service = (
        (keys.publishable, keys.secret) if settings.hosted else (keys.anon, keys.service_role)
    )
    return {"SUPABASE_ANON_KEY": public, "SUPABASE_SERVICE_ROLE_KEY": service}


def _system() -> dict[str, str]:
    names = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "HTTPS_PROXY", "NO_PROXY")
    return {name: os.environ[name] for name in names if name in os.environ}


def _python() -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT / "sidecar"), "PYTHONUNBUFFERED": "1"}
