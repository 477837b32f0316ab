"""Starting and stopping: killed at any point, started again, and nobody else's business."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO

import httpx
import psutil
import pytest
from dotenv import dotenv_values

from sidecar.sandbox import environment
from sidecar.sandbox.settings import ROOT, SandboxError, SandboxSettings
from sidecar.sandbox.stack import Stack
from tests.clusters import discard, sandbox_settings
from tests.stacks import LocalStack, running_stack

NAMES = ["postgres", "postgrest", "api", "simulators", "sidecar"]


@pytest.fixture
def settings() -> Iterator[SandboxSettings]:
    """Of a stack that is not running yet, and is stopped and deleted afterwards."""
    settings = sandbox_settings("fresh")
    yield settings
    discard(Stack(settings, dotenv=None))


@pytest.fixture(scope="module")
def own() -> Iterator[LocalStack]:
    """A running stack that these tests may maltreat; every test leaves it running."""
    with running_stack("maltreated") as stack:
        yield stack


def test_starting_what_runs_changes_nothing(own: LocalStack) -> None:
    before = _pids(own.manager)
    own.manager.up()
    assert _pids(own.manager) == before


@pytest.mark.parametrize("victim", NAMES)
def test_what_was_killed_is_started_again_and_the_rest_left_alone(
    own: LocalStack, victim: str
) -> None:
    before = _pids(own.manager)
    os.kill(before[victim], signal.SIGKILL)
    _until(lambda: own.manager.processes.find(victim) is None)
    own.manager.up()
    after = _pids(own.manager)
    assert {name for name in NAMES if after[name] != before[name]} == {victim}


def test_tokens_outlive_a_power_cut(own: LocalStack) -> None:
    person = own.sign_up()
    for pid in _pids(own.manager).values():
        os.kill(pid, signal.SIGKILL)
    own.manager.up()
    assert _tokens(own, person.token) == 5


def test_a_recycled_pid_in_postgres_lock_file_is_no_obstacle(own: LocalStack) -> None:
    own.manager.down()
    lock = own.settings.sandbox_dir / "postgres" / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{lock.parent}\n")
    own.manager.up()
    assert all(own.manager.status().values())


def test_one_that_hangs_is_replaced(own: LocalStack) -> None:
    before = _pids(own.manager)
    os.kill(before["api"], signal.SIGSTOP)
    own.manager.up()
    assert _pids(own.manager)["api"] != before["api"]
    assert all(own.manager.status().values())


def test_changed_settings_restart_what_they_concern(own: LocalStack) -> None:
    before = _pids(own.manager)
    moved = own.settings.model_copy(update={"postgrest_port": _free_port()})
    Stack(moved, dotenv=None).up()
    after = _pids(own.manager)
    assert after["postgres"] == before["postgres"]
    assert after["postgrest"] != before["postgrest"]
    own.manager.up()


def test_reset_empties_the_database_under_the_running_stack(own: LocalStack) -> None:
    before = _pids(own.manager)
    own.sign_up()
    own.manager.reset()
    assert _pids(own.manager) == before
    person = own.sign_up()
    assert _tokens(own, person.token) == 5
    with own.connect() as connection:
        users = connection.execute("select count(*) from auth.users").fetchone()
    assert users == (4,)  # three seeded, and this one


def test_what_is_published_is_for_the_owner_only(own: LocalStack) -> None:
    path = own.settings.sandbox_dir / "env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    values = dotenv_values(path)
    assert values.keys() == own.env.keys()
    assert values["SUPABASE_ANON_KEY"] == own.keys.anon
    assert _tokens(own, str(values["MINA_JWT"])) == 5


def test_status_tells_what_runs(own: LocalStack) -> None:
    assert own.manager.status() == dict.fromkeys(NAMES, True)
    os.kill(_pids(own.manager)["sidecar"], signal.SIGKILL)
    _until(lambda: own.manager.status()["sidecar"] is None)
    own.manager.up()


def test_only_what_was_started_here_is_stopped(own: LocalStack) -> None:
    """Not even what has a recorded pid, if it is another process than the recorded one."""
    with subprocess.Popen(["/bin/sleep", "60"]) as stranger:
        _pretend_pid(own.settings.sandbox_dir, "sidecar", stranger.pid)
        try:
            assert own.manager.processes.find("sidecar") is None
        finally:
            own.manager.down()
            assert stranger.poll() is None
            stranger.kill()
    own.manager.up()


@pytest.mark.timeout(300)
def test_the_manager_may_be_killed_at_any_point(settings: SandboxSettings) -> None:
    """Whatever it had started by then is recorded: afterwards everything runs, once."""
    for number in (0, 1, 3, len(NAMES)):
        with _command(settings, "up") as starting:
            _until(partial(_has_started, settings, number))
            starting.kill()
        manager = Stack(settings, dotenv=None)
        manager.up()
        assert all(manager.status().values())
        assert _listening(settings) == set(_pids(manager).values())
        manager.down()
        assert _listening(settings) == set()


def test_a_first_start_that_was_cut_short_starts_afresh(settings: SandboxSettings) -> None:
    with _command(settings, "up") as starting:
        _until((settings.sandbox_dir / "postgres" / "PG_VERSION").exists)
        starting.kill()
    manager = Stack(settings, dotenv=None)
    manager.up()
    assert all(manager.status().values())


def test_new_migrations_are_applied_and_data_stays(
    settings: SandboxSettings, tmp_path: Path
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
    assert _tokens(LocalStack(manager), person.token) == 5


def test_a_taken_port_is_named_and_nothing_started(settings: SandboxSettings) -> None:
    with (
        socket.create_server(("127.0.0.1", settings.api_port)),
        pytest.raises(SandboxError) as caught,
    ):
        Stack(settings, dotenv=None).up()
    expected = f"port {settings.api_port} for the API gateway is taken; set COINSLOT_API_PORT"
    assert str(caught.value) == expected
    assert _recorded(settings) == {}


def test_what_cannot_start_says_why_and_leaves_nothing_running(settings: SandboxSettings) -> None:
    manager = Stack(settings, dotenv=None)
    sidecar = manager.programs[-1]
    sidecar.env["IAMPORT_API_URL"] = "nonsense"
    with pytest.raises(SandboxError, match="IAMPORT_API_URL"):
        manager.up()
    assert _listening(settings) == set()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (None, "Node.js is missing"),
        ("echo v18.20.4", r"Node.js 20 or newer is needed, and .*/node is v18.20.4"),
        ("echo broken >&2; exit 1", r"Node.js 20 or newer is needed, and .*/node is broken"),
    ],
)
def test_a_missing_or_old_node_is_named(
    settings: SandboxSettings,
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
    with pytest.raises(SandboxError, match=expected):
        Stack(settings, dotenv=None).up()
    assert _recorded(settings) == {}


def test_in_the_foreground_it_shows_logs_until_it_is_interrupted(
    settings: SandboxSettings, tmp_path: Path
) -> None:
    screen = tmp_path / "screen"
    with screen.open("wb") as output, _command(settings, "run", output) as running:
        _until(lambda: "Ctrl-C stops it" in screen.read_text())
        httpx.get(f"{settings.sidecar_url}/payment/history/me")
        _until(lambda: "path=/payment/history/me" in screen.read_text())
        assert len(_listening(settings)) == len(NAMES)
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 0
    assert _listening(settings) == set()


def test_in_the_foreground_a_process_that_ends_is_an_error(
    settings: SandboxSettings, tmp_path: Path
) -> None:
    screen = tmp_path / "screen"
    with screen.open("wb") as output, _command(settings, "run", output) as running:
        _until(lambda: "Ctrl-C stops it" in screen.read_text())
        os.kill(_recorded(settings)["postgrest"]["pid"], signal.SIGKILL)
        assert running.wait(20) == 1
    assert "postgrest ended by itself" in screen.read_text()
    assert _listening(settings) == set()


def test_real_gateway_keys_stay_real(settings: SandboxSettings) -> None:
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


def _command(
    settings: SandboxSettings, command: str, output: int | IO[bytes] = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    fields = settings.model_dump(exclude_none=True)
    values = {f"COINSLOT_{name.upper()}": str(value) for name, value in fields.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "sidecar", "sandbox", command],
        env={**os.environ, **values},
        cwd=ROOT,
        stdout=output,
        stderr=subprocess.STDOUT,
    )


def _pids(manager: Stack) -> dict[str, int]:
    found = {name: manager.processes.find(name) for name in NAMES}
    return {name: process.pid for name, process in found.items() if process}


def _recorded(settings: SandboxSettings) -> dict[str, dict[str, int]]:
    try:
        records: dict[str, dict[str, int]] = json.loads(
            (settings.sandbox_dir / "processes.json").read_text()
        )
    except FileNotFoundError:
        return {}
    return records


def _has_started(settings: SandboxSettings, number: int) -> bool:
    return len(_recorded(settings)) >= number


def _pretend_pid(folder: Path, name: str, pid: int) -> None:
    file = folder / "processes.json"
    records = json.loads(file.read_text())
    os.kill(records[name]["pid"], signal.SIGKILL)
    records[name]["pid"] = pid
    records[name]["created"] -= 60
    file.write_text(json.dumps(records))


def _listening(settings: SandboxSettings) -> set[int]:
    """Who listens on this stack's ports."""
    fields = settings.model_dump()
    ports = {value for name, value in fields.items() if name.endswith("_port")}
    return {
        connection.pid
        for connection in psutil.net_connections("tcp4")
        if connection.status == psutil.CONN_LISTEN and connection.laddr
        if connection.laddr.port in ports and connection.pid is not None
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _tokens(stack: LocalStack, token: str) -> int:
    answer = httpx.post(
        f"{stack.api_url}/rest/v1/rpc/get_user_tokens",
        json={},
        headers={"apikey": stack.keys.anon, "authorization": f"Bearer {token}"},
    )
    tokens: int = answer.raise_for_status().json()
    return tokens


def _until(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
