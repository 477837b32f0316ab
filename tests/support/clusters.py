"""Postgres clusters for tests: migrated by the Supabase CLI once, cloned per test."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import get_args

import psutil
import psycopg
import pytest
from psycopg import sql

from devstack import postgres, tools
from devstack.placement import Placement, install_pgtap, place
from devstack.postgres import SUPERUSER, Grants
from devstack.processes import Processes, Program
from devstack.settings import ROOT, DevstackSettings
from devstack.stack import Stack
from tests.support.seeds import copy_or_make, shared_run

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
_FOLDERS = ROOT / ".devstack-test"
_numbers = count()


def devstack_settings(name: str, postgres_bin: Path | None = None) -> DevstackSettings:
    """Settings of a sandbox of this test run: own folder, free ports, nothing from `.env`."""
    _sweep()
    api, db, postgrest, auth, simulators, sidecar, metrics = free_ports(7)
    return DevstackSettings(
        _env_file=None,
        api_port=api,
        db_port=db,
        postgrest_port=postgrest,
        auth_port=auth,
        simulators_port=simulators,
        sidecar_port=sidecar,
        metrics_port=metrics,
        default_grants="strict",
        postgres_bin=postgres_bin,
        fsync=False,
        devstack_dir=_of_run(os.getpid()) / name,
        project_dir=ROOT,
    )


def free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class Cluster:
    """One Postgres server. Its attributes are what pytest-postgresql asks of a process."""

    host = "127.0.0.1"
    user = password = maintenance_dbname = "postgres"
    options = ""

    def __init__(
        self, settings: DevstackSettings, env: Callable[[Placement], dict[str, str]] | None = None
    ) -> None:
        """`env` is what the server's environment has besides."""
        self.settings = settings
        self.port = settings.db_port
        self.placement = place(settings.devstack_dir, settings.postgres_bin)
        self._processes = Processes(settings.devstack_dir)
        self._plain = postgres.program(self.placement, settings)
        more = env(self.placement) if env else {}
        self._program = replace(self._plain, env={**self._plain.env, **more})
        self.template = cache(self._make_template)

    def start(self) -> None:
        postgres.initialise(self.placement)
        self.go_on()
        postgres.bootstrap_cluster(self.settings)

    def start_from(self, seed: Path) -> None:
        """Starts it with the templates as they are in `seed`."""
        copy_or_make(self.placement.data_dir, seed, self._make_seed)
        self.go_on()

    def restart(self) -> None:
        self.stop()
        self.go_on()

    @contextmanager
    def plain(self) -> Iterator[None]:
        """Runs it without what its environment has besides, and then with it again."""
        self.stop()
        self.go_on(self._plain)
        yield
        self.restart()

    def go_on(self, program: Program | None = None) -> None:
        """Starts it with the data that it has."""
        self._processes.start(program or self._program)
        self._processes.wait_ready(self._program)

    def stop(self) -> None:
        self._processes.stop(self._program)

    @property
    def template_dbname(self) -> str:
        return self.template("strict")

    def pgtap_template(self, grants: Grants) -> str:
        """The migrated database with pgTAP in `extensions`, where an app would have it."""
        name = f"{self.template(grants)}_pgtap"
        if not self._exists(name):
            install_pgtap(self.placement.bin_dir)
            self._copy(self.template(grants), name)
            with psycopg.connect(self.url(name, SUPERUSER)) as connection:
                connection.execute("create extension pgtap with schema extensions")
        return name

    @contextmanager
    def clone(self, template: str) -> Iterator[str]:
        """The name of a database that is a copy of `template`, dropped afterwards."""
        name = f"clone_{os.getpid()}_{next(_numbers)}"
        self._copy(template, name)
        try:
            yield name
        finally:
            self._drop(name)

    @contextmanager
    def unmigrated(self, grants: Grants = "strict") -> Iterator[str]:
        """The name of a hosted-like database that Coinslot is not in, dropped afterwards."""
        name = f"empty_{os.getpid()}_{next(_numbers)}"
        postgres.create_database(self.settings, name, grants)
        try:
            yield name
        finally:
            self._drop(name)

    def url(self, database: str, role: str = "postgres") -> str:
        return self.settings.database_url(role, database)

    def _make_seed(self) -> None:
        self.start()
        for grants in get_args(Grants):
            self.template(grants)
        self.stop()

    def _make_template(self, grants: Grants) -> str:
        name = f"migrated_{grants}"
        if not self._exists(name):
            unfinished = f"{name}_unfinished"
            postgres.create_database(self.settings, unfinished, grants)
            tools.reset(self.settings, database=unfinished, seed=False)
            statement = sql.SQL("alter database {} rename to {}")
            self._run(statement.format(sql.Identifier(unfinished), sql.Identifier(name)))
        return name

    def _copy(self, template: str, name: str) -> None:
        # Eight hundred small files: copied page by page, each would go through the log as well.
        statement = sql.SQL("create database {} template {} strategy file_copy owner postgres")
        self._run(statement.format(sql.Identifier(name), sql.Identifier(template)))

    def _drop(self, name: str) -> None:
        self._run(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    def _exists(self, name: str) -> bool:
        with psycopg.connect(self.url("postgres")) as connection:
            found = connection.execute("select from pg_database where datname = %s", [name])
            return found.rowcount == 1

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres", SUPERUSER), autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def running(
    name: str,
    postgres_bin: Path | None = None,
    *,
    for_all: bool = False,
    seed: str | None = None,
    env: Callable[[Placement], dict[str, str]] | None = None,
) -> Iterator[Cluster]:
    """A new server. One that is `for_all` tests begins with the templates, which only one of
    the workers makes; with those of the server `seed`, if one is named."""
    settings = devstack_settings(name, postgres_bin)
    cluster = Cluster(settings, env)
    if for_all and (shared := shared_seed(seed or name)):
        cluster.start_from(shared)
    else:
        cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
        discard(Stack(settings, dotenv=None))


def shared_seed(name: str) -> Path | None:
    """The folder of a seed that all workers of this run share, if they share any."""
    run = shared_run()
    return _of_run(run) / name if run else None


def discard_seeds() -> None:
    """Deletes what the workers of this process have shared."""
    for folder in _of_run(os.getpid()).glob("*"):
        discard(Stack(DevstackSettings(_env_file=None, devstack_dir=folder), dotenv=None))


def _of_run(pid: int) -> Path:
    return _FOLDERS / str(pid)


def discard(stack: Stack) -> None:
    stack.delete()
    run = stack.settings.devstack_dir.parent
    if not any(run.iterdir()):
        run.rmdir()


@cache
def _sweep() -> None:
    """Stop and delete what test runs left that were killed. One worker does, the others wait."""
    _FOLDERS.mkdir(exist_ok=True)
    with (_FOLDERS / "sweep.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for folder in _FOLDERS.glob("*/*"):
            if not psutil.pid_exists(int(folder.parent.name)):
                discard(Stack(DevstackSettings(_env_file=None, devstack_dir=folder), dotenv=None))


def require(package: str, present: bool, what: str) -> None:
    """Missing parts are skipped by name on a laptop, and fail where nobody would read that."""
    if not present:
        message = f"{what}: install the package {package}"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
