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
from uuid import uuid4

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

_A_MONTH_PASSES = """
with due as (
  select s.id, s.time_zone as zone, s.every
  from public.token_subscriptions s inner join auth.users u on u.id = s.user_id
  where u.email = %s and s.status = 'active'
), begun as (
  select d.*, coinslot.period_at(
    clock_timestamp() - interval '1 minute', d.zone, d.every, -1
  ) as anchor from due d
), cycles as (
  update coinslot.subscription_cycles c set
    period_start = b.anchor, period_end = coinslot.period_at(b.anchor, b.zone, b.every, 1)
  from begun b where c.subscription_id = b.id
)
update public.token_subscriptions s set
  anchor = b.anchor, period_start = b.anchor, next_charge_at = clock_timestamp(),
  period_end = coinslot.period_at(b.anchor, b.zone, b.every, 1)
from begun b where s.id = b.id
"""

# Of whatever somebody has, trial or period: so much of it is left.
_IS_LEFT = """
with mine as (
  select s.id, s.period_end - clock_timestamp() - %s as gone
  from public.token_subscriptions s inner join auth.users u on u.id = s.user_id
  where u.email = %s
), cycles as (
  update coinslot.subscription_cycles c set
    period_start = c.period_start - m.gone, period_end = c.period_end - m.gone
  from mine m where c.subscription_id = m.id
)
update public.token_subscriptions s set
  anchor = s.anchor - m.gone, period_start = s.period_start - m.gone,
  period_end = s.period_end - m.gone, next_charge_at = clock_timestamp()
from mine m where s.id = m.id
"""


def require_playable(settings: DevstackSettings) -> None:
    """Raise `DevstackError` for settings under which the story goes another way."""
    if settings.portone != "v1":
        raise DevstackError("the demo plays both versions of PortOne: unset COINSLOT_PORTONE")


def play(stack: Stack) -> int:
    """Play the story; returns the exit code, 0 if every line was as expected."""
    with _sidecar_for_v2(stack) as url, _rewarding(stack):
        code = _told(stack, "demo.mjs", V2_SIDECAR_URL=url)
    return code or _plans(stack) or _prices(stack)


def _plans(stack: Stack) -> int:
    email = f"demo-{uuid4().hex}@example.com"
    person = {"DEMO_EMAIL": email, "DEMO_PASSWORD": uuid4().hex}
    code = _told(stack, "demo_plans.mjs", "begin", **person)
    if code:
        return code
    with psycopg.connect(stack.settings.database_url(), autocommit=True) as connection:
        connection.execute(_A_MONTH_PASSES, [email])
    return _told(stack, "demo_plans.mjs", "go_on", **person)


def _prices(stack: Stack) -> int:
    email = f"demo-{uuid4().hex}@example.com"
    person = {"DEMO_EMAIL": email, "DEMO_PASSWORD": uuid4().hex}
    for act, left in (("try", timedelta()), ("raise", timedelta(days=10)), ("answer", None)):
        code = _told(stack, "demo_prices.mjs", act, **person)
        if code:
            return code
        if left is not None:
            with psycopg.connect(stack.settings.database_url(), autocommit=True) as connection:
                connection.execute(_IS_LEFT, (left, email))
    return 0


def _told(stack: Stack, story: str, *arguments: str, **more: str) -> int:
    return subprocess.run(
        [tools.require_node(), Path(__file__).with_name(story), *arguments],
        env={**os.environ, **stack.published(), **more},
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
