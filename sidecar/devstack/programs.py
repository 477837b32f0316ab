"""The processes of the stack, each with its start and its sign of being ready."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from devstack import api_gateway, environment, tools
from devstack.keys import ApiKeys
from devstack.processes import Program
from devstack.settings import ROOT, DevstackSettings


def services(settings: DevstackSettings, keys: ApiKeys, dotenv: Path | None) -> list[Program]:
    """Everything that comes after Postgres and its migrations, in starting order."""
    return [
        _postgrest(settings, keys),
        _auth(settings, keys),
        _api_gateway(settings, keys),
        _simulators(settings),
        _sidecar(settings, keys, dotenv),
    ]


def _postgrest(settings: DevstackSettings, keys: ApiKeys) -> Program:
    return Program(
        name="postgrest",
        title="PostgREST",
        argv=[str(tools.postgrest())],
        ports={"COINSLOT_POSTGREST_PORT": settings.postgrest_port},
        ready=_answers(f"{settings.postgrest_url}/"),
        env=environment.postgrest(settings, keys),
    )


def _auth(settings: DevstackSettings, keys: ApiKeys) -> Program:
    return Program(
        name="auth",
        title="Auth and Edge Functions",
        argv=[sys.executable, "-m", "devstack.auth_server"],
        ports={"COINSLOT_AUTH_PORT": settings.auth_port},
        ready=_answers(f"{settings.auth_url}/_health"),
        env=environment.auth(settings, keys),
        cwd=ROOT,
    )


def _api_gateway(settings: DevstackSettings, keys: ApiKeys) -> Program:
    return Program(
        name="api",
        title="the API gateway",
        argv=[str(tools.caddy()), "run", "--config", "-"],
        ports={"COINSLOT_API_PORT": settings.api_port},
        ready=_answers(f"{settings.api_url}/_health"),
        env=environment.api_gateway(settings),
        stdin=api_gateway.config(settings, keys),
    )


def _simulators(settings: DevstackSettings) -> Program:
    return Program(
        name="simulators",
        title="the gateway simulators",
        argv=[sys.executable, "-m", "simulators"],
        ports={"COINSLOT_SIMULATORS_PORT": settings.simulators_port},
        ready=_answers(f"{settings.simulators_url}/_sim/health"),
        env=environment.simulators(settings),
        cwd=ROOT,
    )


def _sidecar(settings: DevstackSettings, keys: ApiKeys, dotenv: Path | None) -> Program:
    person = environment.persons_settings(dotenv)
    return Program(
        name="sidecar",
        title="the sidecar",
        argv=[sys.executable, "-m", "coinslot", "serve"],
        ports={
            "COINSLOT_SIDECAR_PORT": settings.sidecar_port,
            "COINSLOT_METRICS_PORT": settings.metrics_port,
        },
        ready=_answers(f"{settings.sidecar_url}/ready"),
        env=environment.sidecar(settings, keys, person),
        # It reads `.env` in its working directory: a stack without one must not find any.
        cwd=dotenv.parent if dotenv else settings.devstack_dir,
    )


def _answers(url: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            return httpx.get(url, timeout=2, trust_env=False).is_success
        except httpx.TransportError:
            return False

    return ready
