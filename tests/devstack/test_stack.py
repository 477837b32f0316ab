"""One stack through its life: started, killed, hung, moved, migrated, stopped.

A first start takes longest, so the tests share one. Each begins with the stack running, whatever
the test before has left.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from io import StringIO
from pathlib import Path

import httpx
import pytest
from dotenv import dotenv_values
from rich.console import Console
from typer.testing import CliRunner

from devstack import cli
from devstack.foreground import follow
from devstack.settings import ROOT, DevstackError, DevstackSettings
from devstack.stack import Stack
from tests.devstack.managed import (
    NAMES,
    command,
    free_port,
    has_started,
    listening,
    pids,
    pretend_pid,
    tokens,
    until,
    variables,
)
from tests.support.clusters import devstack_settings, discard
from tests.support.servers import PATIENCE
from tests.support.sizes import sized
from tests.support.stacks import LocalStack


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevstackSettings]:
    """Settings of a stack whose migrations the tests may change; it is deleted in the end."""
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "supabase", project / "supabase")
    settings = devstack_settings("maltreated").model_copy(update={"project_dir": project})
    yield settings
    discard(Stack(settings, dotenv=None))


@pytest.fixture
def own(settings: DevstackSettings) -> LocalStack:
    manager = Stack(settings, dotenv=None)
    manager.up()
    return LocalStack(manager)


@pytest.fixture
def later(settings: DevstackSettings) -> Path:
    """A migration that is written after the others were applied."""
    return settings.project_dir / "supabase/migrations/20990101000000_later.sql"


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_a_start_may_be_killed_at_any_point(settings: DevstackSettings) -> None:
    """Every process that was started by then is recorded: in the end everything runs, once."""
    new_cluster = settings.devstack_dir / "postgres" / "PG_VERSION"
    started = (partial(has_started, settings, number) for number in (1, 3, len(NAMES)))
    points: list[Callable[[], bool]] = [new_cluster.exists, *started]
    for point in points:
        with command(settings, "up") as starting:
            until(point)
            starting.kill()
    manager = Stack(settings, dotenv=None)
    manager.up()
    assert manager.status() == dict.fromkeys(NAMES, True)
    assert listening(settings) == set(pids(manager).values())


def test_starting_what_runs_changes_nothing(own: LocalStack) -> None:
    before = pids(own.manager)
    own.manager.up()
    assert pids(own.manager) == before


@pytest.mark.parametrize("victim", sized(["postgres", "sidecar"], proofs=list(NAMES)))
def test_what_was_killed_is_started_again_and_the_rest_left_alone(
    own: LocalStack, victim: str
) -> None:
    before = pids(own.manager)
    os.kill(before[victim], signal.SIGKILL)
    until(lambda: own.manager.processes.find(victim) is None)
    assert own.manager.status()[victim] is None
    own.manager.up()
    after = pids(own.manager)
    assert {name for name in NAMES if after[name] != before[name]} == {victim}


def test_tokens_outlive_a_power_cut(own: LocalStack) -> None:
    person = own.sign_up()
    for pid in pids(own.manager).values():
        os.kill(pid, signal.SIGKILL)
    own.manager.up()
    assert tokens(own, person.token) == 5


@pytest.mark.proof
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
    concerned = {name for name in NAMES if after[name] != before[name]}
    assert concerned == {"postgrest", "auth", "api"}


@pytest.mark.parametrize("command", sized(["run"], proofs=["run", "demo"]))
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


def test_what_is_published_is_for_the_owner_only(own: LocalStack) -> None:
    path = own.settings.devstack_dir / "env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    values = dotenv_values(path)
    assert values.keys() == own.env.keys()
    assert values["SUPABASE_ANON_KEY"] == own.keys.anon
    assert tokens(own, str(values["MINA_JWT"])) == 5


def test_new_migrations_are_applied_and_data_stays(own: LocalStack, later: Path) -> None:
    person = own.sign_up()
    later.write_text("create table public.later (id bigint primary key);")
    later.with_name("20261121110201_early.sql").write_text("select 1;")
    said: list[str] = []
    Stack(own.settings, dotenv=None, report=said.append).up()
    assert any("put before those applied: `make reset`?" in line for line in said)
    with own.connect() as connection:
        assert connection.execute("select count(*) from public.later").fetchone() == (0,)
    assert tokens(own, person.token) == 5


def test_rewritten_migrations_are_noticed_and_a_reset_applies_them(
    own: LocalStack, later: Path
) -> None:
    """The reset empties the database below the processes that run."""
    before = pids(own.manager)
    said: list[str] = []
    Stack(own.settings, dotenv=None, report=said.append).up()
    assert not any("`make reset`?" in line for line in said)
    later.write_text("create table public.rewritten (id bigint primary key);")
    Stack(own.settings, dotenv=None, report=said.append).up()
    assert any("migrations were rewritten" in line for line in said)
    own.sign_up()
    own.manager.reset()
    assert pids(own.manager) == before
    assert tokens(own, own.sign_up().token) == 5
    with own.connect() as connection:
        assert connection.execute("select count(*) from public.rewritten").fetchone() == (0,)
        users = connection.execute("select count(*) from auth.users").fetchone()
    assert users == (7,)  # six seeded, and the last one


@pytest.mark.proof
def test_a_recycled_pid_is_neither_stopped_nor_an_obstacle(own: LocalStack) -> None:
    """Neither one in the stack's own record, nor one in the lock file of Postgres."""
    with subprocess.Popen(["/bin/sleep", "60"]) as stranger:
        pretend_pid(own.settings.devstack_dir, "sidecar", stranger.pid)
        try:
            assert own.manager.processes.find("sidecar") is None
            own.manager.down()
            assert listening(own.settings) == set()
            lock = own.settings.devstack_dir / "postgres" / "postmaster.pid"
            lock.write_text(f"{stranger.pid}\n{lock.parent}\n")
            own.manager.up()
            assert all(own.manager.status().values())
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_in_the_foreground_a_process_that_ends_is_an_error(own: LocalStack) -> None:
    os.kill(pids(own.manager)["postgrest"], signal.SIGKILL)
    with pytest.raises(DevstackError, match="postgrest ended by itself"):
        follow(own.manager, Console(file=StringIO()))


def test_what_cannot_start_says_why_and_leaves_nothing_running(
    settings: DevstackSettings,
) -> None:
    manager = Stack(settings, dotenv=None)
    manager.down()
    manager.programs[-1].env["IAMPORT_API_URL"] = "nonsense"
    with pytest.raises(DevstackError, match="IAMPORT_API_URL"):
        manager.up()
    assert listening(settings) == set()


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


def test_a_reset_where_nothing_runs_is_for_the_next_start(settings: DevstackSettings) -> None:
    """It then makes a new database, as after a first start that was killed."""
    said: list[str] = []
    manager = Stack(settings, dotenv=None, report=said.append)
    manager.down()
    manager.reset()
    assert said == ["nothing runs: the next start makes a new database"]
    assert not (settings.devstack_dir / "migrated").exists()
