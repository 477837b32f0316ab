"""A running stack, maltreated: killed, hung, moved, reset."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator

import pytest
from dotenv import dotenv_values
from typer.testing import CliRunner

from devstack import cli
from devstack.stack import Stack
from tests.devstack.managed import NAMES, free_port, pids, pretend_pid, tokens, until, variables
from tests.support.stacks import LocalStack, running_stack


@pytest.fixture(scope="module")
def own() -> Iterator[LocalStack]:
    """A running stack that these tests may maltreat; every test leaves it running."""
    with running_stack("maltreated") as stack:
        yield stack


def test_starting_what_runs_changes_nothing(own: LocalStack) -> None:
    before = pids(own.manager)
    own.manager.up()
    assert pids(own.manager) == before


@pytest.mark.parametrize("victim", NAMES)
def test_what_was_killed_is_started_again_and_the_rest_left_alone(
    own: LocalStack, victim: str
) -> None:
    before = pids(own.manager)
    os.kill(before[victim], signal.SIGKILL)
    until(lambda: own.manager.processes.find(victim) is None)
    own.manager.up()
    after = pids(own.manager)
    assert {name for name in NAMES if after[name] != before[name]} == {victim}


def test_tokens_outlive_a_power_cut(own: LocalStack) -> None:
    person = own.sign_up()
    for pid in pids(own.manager).values():
        os.kill(pid, signal.SIGKILL)
    own.manager.up()
    assert tokens(own, person.token) == 5


def test_a_recycled_pid_in_postgres_lock_file_is_no_obstacle(own: LocalStack) -> None:
    own.manager.down()
    lock = own.settings.devstack_dir / "postgres" / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{lock.parent}\n")
    own.manager.up()
    assert all(own.manager.status().values())


def test_one_that_hangs_is_replaced(own: LocalStack) -> None:
    before = pids(own.manager)
    os.kill(before["api"], signal.SIGSTOP)
    own.manager.up()
    assert pids(own.manager)["api"] != before["api"]
    assert all(own.manager.status().values())


def test_changed_settings_restart_what_they_concern(own: LocalStack) -> None:
    before = pids(own.manager)
    moved = own.settings.model_copy(update={"postgrest_port": free_port()})
    Stack(moved, dotenv=None).up()
    after = pids(own.manager)
    assert after["postgres"] == before["postgres"]
    assert after["postgrest"] != before["postgrest"]
    own.manager.up()


@pytest.mark.parametrize("command", ["up", "run", "demo"])
def test_a_port_that_is_taken_is_found_before_anything_is_stopped(
    own: LocalStack, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    before = pids(own.manager)
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken = {"metrics_port": stranger.getsockname()[1]}
        for name, value in variables(own.settings.model_copy(update=taken)).items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(cli.app, [command])
    assert result.exit_code == 1
    assert "set COINSLOT_METRICS_PORT" in result.output
    assert pids(own.manager) == before


def test_reset_empties_the_database_under_the_running_stack(own: LocalStack) -> None:
    before = pids(own.manager)
    own.sign_up()
    own.manager.reset()
    assert pids(own.manager) == before
    person = own.sign_up()
    assert tokens(own, person.token) == 5
    with own.connect() as connection:
        users = connection.execute("select count(*) from auth.users").fetchone()
    assert users == (4,)  # three seeded, and this one


def test_what_is_published_is_for_the_owner_only(own: LocalStack) -> None:
    path = own.settings.devstack_dir / "env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    values = dotenv_values(path)
    assert values.keys() == own.env.keys()
    assert values["SUPABASE_ANON_KEY"] == own.keys.anon
    assert tokens(own, str(values["MINA_JWT"])) == 5


def test_status_tells_what_runs(own: LocalStack) -> None:
    assert own.manager.status() == dict.fromkeys(NAMES, True)
    os.kill(pids(own.manager)["sidecar"], signal.SIGKILL)
    until(lambda: own.manager.status()["sidecar"] is None)
    own.manager.up()


def test_only_what_was_started_here_is_stopped(own: LocalStack) -> None:
    """Not even what has a recorded pid, if it is another process than the recorded one."""
    with subprocess.Popen(["/bin/sleep", "60"]) as stranger:
        pretend_pid(own.settings.devstack_dir, "sidecar", stranger.pid)
        try:
            assert own.manager.processes.find("sidecar") is None
        finally:
            own.manager.down()
            assert stranger.poll() is None
            stranger.kill()
    own.manager.up()
