"""The whole story, played against the running stack through supabase-js and HTTP."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg

from devstack import environment, tools
from devstack.settings import DevstackError, DevstackSettings
from devstack.stack import Stack
from simulators.portone.v2 import settings as portone_v2

_SECONDS_TO_START = 60
_REWARDS = "select referral_reward, referral_bonus, referral_wait from coinslot.settings"
_REWARD = """
update coinslot.settings set referral_reward = %s, referral_bonus = %s, referral_wait = %s
"""


def require_playable(settings: DevstackSettings) -> None:
    """Raise `DevstackError` for settings under which the story goes another way."""
    if settings.portone != "v1":
        raise DevstackError("the demo plays both versions of PortOne: unset COINSLOT_PORTONE")


def play(stack: Stack) -> int:
    """Play the story; returns the exit code, 0 if every line was as expected."""
    story = Path(__file__).with_suffix(".mjs")
    with _sidecar_for_v2(stack) as url, _rewarding(stack):
        return subprocess.run(
            [tools.require_node(), story],
            env={**os.environ, **stack.published(), "V2_SIDECAR_URL": url},
            check=False,
        ).returncode


@contextmanager
def _rewarding(stack: Stack) -> Iterator[None]:
    """Reward invitations, at once, as the project's owner would set it."""
    with psycopg.connect(stack.settings.database_url(), autocommit=True) as connection:
        before = connection.execute(_REWARDS).fetchone()
        connection.execute(_REWARD, (20, 10, timedelta()))
        try:
            yield
        finally:
            connection.execute(_REWARD, before)


@contextmanager
def _sidecar_for_v2(stack: Stack) -> Iterator[str]:
    """Run a second sidecar beside the stack's: each sells through one version of PortOne."""
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "coinslot", "serve"],
        env={
            **environment.sidecar(stack.settings, stack.keys, {}),
            **portone_v2.sidecar_environment(stack.settings.simulators_url),
            "COINSLOT_SIDECAR_PORT": str(port),
        },
        cwd=stack.settings.devstack_dir,  # where no `.env` changes its mind
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/ready", process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(url, timeout=2, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    message = f"the demo's second sidecar did not answer at {url}"
    raise DevstackError(message)
