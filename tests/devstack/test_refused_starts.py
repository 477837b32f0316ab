"""Starting a stack from nothing: cut short, in the way of others, in the foreground."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from devstack import environment
from devstack.settings import ROOT, DevstackError, DevstackSettings
from devstack.stack import Stack
from tests.devstack.managed import (
    NAMES,
    command,
    has_started,
    listening,
    pids,
    recorded,
    tokens,
    until,
)
from tests.support.clusters import devstack_settings, discard
from tests.support.servers import PATIENCE
from tests.support.stacks import LocalStack


@pytest.fixture
def settings() -> Iterator[DevstackSettings]:
    """Of a stack that is not running yet, and is stopped and deleted afterwards."""
    settings = devstack_settings("fresh")
    yield settings
    discard(Stack(settings, dotenv=None))


@pytest.mark.timeout(300)
def test_the_manager_may_be_killed_at_any_point(settings: DevstackSettings) -> None:
    """Whatever it had started by then is recorded: afterwards everything runs, once."""
    for number in (1, 3, len(NAMES)):
        with command(settings, "up") as starting:
            until(partial(has_started, settings, number))
            starting.kill()
        manager = Stack(settings, dotenv=None)
        manager.up()
        assert all(manager.status().values())
        assert listening(settings) == set(pids(manager).values())
        manager.down()
        assert listening(settings) == set()


def test_a_first_start_that_was_cut_short_starts_afresh(settings: DevstackSettings) -> None:
    with command(settings, "up") as starting:
        until((settings.devstack_dir / "postgres" / "PG_VERSION").exists)
        starting.kill()
    manager = Stack(settings, dotenv=None)
    manager.up()
    assert all(manager.status().values())


def test_new_migrations_are_applied_and_data_stays(
    settings: DevstackSettings, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "supabase", tmp_path / "supabase")
    settings = settings.model_copy(update={"project_dir": tmp_path})
    manager = Stack(settings, dotenv=None)
    manager.up()
    person = LocalStack(manager).sign_up()
    manager.down()
    (tmp_path / "supabase/migrations/20990101000000_later.sql").write_text(
        "create table public.later (id bigint primary key);"
    )
    manager.up()
    with LocalStack(manager).connect() as connection:
        assert connection.execute("select count(*) from public.later").fetchone() == (0,)
    assert tokens(LocalStack(manager), person.token) == 5


def test_rewritten_migrations_are_noticed_and_a_reset_applies_them(
    settings: DevstackSettings, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "supabase", tmp_path / "supabase")
    said: list[str] = []
    manager = Stack(
        settings.model_copy(update={"project_dir": tmp_path}), dotenv=None, report=said.append
    )
    later = tmp_path / "supabase/migrations/20990101000000_later.sql"
    later.write_text("create table public.later (id bigint primary key);")
    manager.up()
    manager.down()
    later.write_text("create table public.rewritten (id bigint primary key);")
    manager.up()
    assert any("migrations were rewritten" in line for line in said)
    manager.down()
    manager.reset()
    manager.up()
    with LocalStack(manager).connect() as connection:
        assert connection.execute("select count(*) from public.rewritten").fetchone() == (0,)


def test_a_taken_port_is_named_and_nothing_started(settings: DevstackSettings) -> None:
    with (
        socket.create_server(("127.0.0.1", settings.api_port)),
        pytest.raises(DevstackError) as caught,
    ):
        Stack(settings, dotenv=None).up()
    expected = f"port {settings.api_port} for the API gateway is taken; set COINSLOT_API_PORT"
    assert str(caught.value) == expected
    assert recorded(settings) == {}


def test_what_cannot_start_says_why_and_leaves_nothing_running(settings: DevstackSettings) -> None:
    manager = Stack(settings, dotenv=None)
    sidecar = manager.programs[-1]
    sidecar.env["IAMPORT_API_URL"] = "nonsense"
    with pytest.raises(DevstackError, match="IAMPORT_API_URL"):
        manager.up()
    assert listening(settings) == set()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (None, "Node.js is missing"),
        ("echo v18.20.4", r"Node.js 20 or newer is needed, and .*/node is v18.20.4"),
        ("echo broken >&2; exit 1", r"Node.js 20 or newer is needed, and .*/node is broken"),
    ],
)
def test_a_missing_or_old_node_is_named(
    settings: DevstackSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str | None,
    expected: str,
) -> None:
    if script:
        node = tmp_path / "node"
        node.write_text(f"#!/bin/sh\n{script}\n")
        node.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DevstackError, match=expected):
        Stack(settings, dotenv=None).up()
    assert recorded(settings) == {}


def test_in_the_foreground_it_shows_logs_until_it_is_interrupted(
    settings: DevstackSettings, tmp_path: Path
) -> None:
    screen = tmp_path / "screen"
    with screen.open("wb") as output, command(settings, "run", output) as running:
        until(lambda: "Ctrl-C stops it" in screen.read_text())
        httpx.get(f"{settings.sidecar_url}/payment/history/me")
        until(lambda: "path=/payment/history/me" in screen.read_text())
        assert len(listening(settings)) == len(NAMES)
        running.send_signal(signal.SIGINT)
        assert running.wait(PATIENCE) == 0
    assert listening(settings) == set()


def test_in_the_foreground_a_process_that_ends_is_an_error(
    settings: DevstackSettings, tmp_path: Path
) -> None:
    screen = tmp_path / "screen"
    with screen.open("wb") as output, command(settings, "run", output) as running:
        until(lambda: "Ctrl-C stops it" in screen.read_text())
        os.kill(recorded(settings)["postgrest"]["pid"], signal.SIGKILL)
        assert running.wait(PATIENCE) == 1
    assert "postgrest ended by itself" in screen.read_text()
    assert listening(settings) == set()


def test_real_gateway_keys_stay_real(settings: DevstackSettings) -> None:
    keys = Stack(settings, dotenv=None).keys
    person = {
        "IAMPORT_CODE": "imp1",
        "IAMPORT_API_KEY": "real",
        "IAMPORT_API_SECRET": "real",
        "SUPABASE_URL": "https://hosted.test",
    }
    given = environment.sidecar(settings, keys, person)
    assert given["IAMPORT_API_KEY"] == "real"
    assert "IAMPORT_API_URL" not in given
    assert given["SUPABASE_URL"] == settings.api_url
    simulated = environment.sidecar(settings, keys, {"IAMPORT_API_URL": "https://api.iamport.kr"})
    assert simulated["IAMPORT_API_URL"] == f"{settings.simulators_url}/portone-v1"
    assert environment.published(settings, keys)["IAMPORT_API_KEY"] != "real"
