"""A Postgres cluster that looks to a migration like a hosted Supabase project."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

import psutil
import psycopg
from psycopg import sql

from devstack.placement import Placement
from devstack.processes import Program, as_user
from devstack.settings import DevstackError, DevstackSettings

SUPERUSER = "supabase_admin"
_SQL = Path(__file__).parent

Grants = Literal["strict", "permissive"]


def initialise(placement: Placement) -> None:
    """Make a new cluster in place of what an interrupted first start left behind.

    It is made beside and moved in whole: the initdb of a start that was killed goes on by itself,
    and must not get in the way of this one.
    """
    data_dir = placement.data_dir
    for leftover in data_dir.parent.glob(f"{data_dir.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f"{data_dir.name}.new-", dir=data_dir.parent))
    if placement.user:
        shutil.chown(made, placement.user)
    with tempfile.NamedTemporaryFile("w", suffix=".coinslot") as password:
        # Readable by the system user. It is no secret: every local Supabase has this password.
        Path(password.name).chmod(0o644)
        password.write("postgres\n")
        password.flush()
        _initdb(placement, made, password.name)
    shutil.rmtree(data_dir)
    made.rename(data_dir)


def _initdb(placement: Placement, folder: Path, password_file: str) -> None:
    result = subprocess.run(
        [
            placement.bin_dir / "initdb",
            *("--pgdata", folder, "--username", SUPERUSER),
            *("--auth", "scram-sha-256", "--pwfile", password_file),
            *("--encoding", "UTF8", "--locale", _locale(), "--no-instructions"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={"PATH": os.defpath, "TZ": "UTC"},
        **as_user(placement.user),
    )
    if result.returncode:
        message = f"initdb failed:\n{result.stderr}"
        raise DevstackError(message)


def program(placement: Placement, settings: DevstackSettings) -> Program:
    """The server, configured on its command line so that no setting is left over in the data."""
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(settings.db_port),
        "unix_socket_directories": "",
        "fsync": "on" if settings.fsync else "off",
        "full_page_writes": "on" if settings.fsync else "off",
        "wal_level": "logical",
        "max_connections": "120",
        "shared_buffers": "128MB",
        "max_wal_size": "512MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %u@%d ",
        "jit": "off",
    }
    arguments = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
    return Program(
        name="postgres",
        title="Postgres",
        argv=[str(placement.bin_dir / "postgres"), "-D", str(placement.data_dir), *arguments],
        ports={"COINSLOT_DB_PORT": settings.db_port},
        ready=lambda: answers(settings),
        env={"PATH": os.defpath, "TZ": "UTC"},
        user=placement.user,
        cwd=placement.data_dir,
        stop_signal=signal.SIGINT,  # fast shutdown: does not wait for clients to leave
    )


def answers(settings: DevstackSettings) -> bool:
    try:
        with psycopg.connect(settings.database_url(SUPERUSER), connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def clear_stale_pid(placement: Placement) -> None:
    """Remove the lock file of a postmaster that was killed.

    Postgres does so itself, except where another process of the same user now has the pid.
    """
    lock = placement.data_dir / "postmaster.pid"
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    if not _is_postmaster(pid, placement.data_dir):
        lock.unlink()


def bootstrap_cluster(settings: DevstackSettings) -> None:
    """Make the roles, and the database `postgres`, which every Supabase project has."""
    with psycopg.connect(settings.database_url(SUPERUSER), autocommit=True) as connection:
        connection.execute(_script("roles.sql"))
        connection.execute("alter database postgres owner to postgres")
    bootstrap_database(settings, "postgres", settings.default_grants)


def bootstrap_database(settings: DevstackSettings, database: str, grants: Grants) -> None:
    """Make all that a hosted database has before its first migration."""
    with psycopg.connect(settings.database_url(SUPERUSER, database)) as connection:
        connection.execute(_script("database.sql"))
        if grants == "permissive":
            connection.execute(_script("permissive_grants.sql"))


def create_database(settings: DevstackSettings, database: str, grants: Grants) -> None:
    """Make another hosted-like database in the same cluster, without migrations."""
    statement = sql.SQL("create database {} owner postgres").format(sql.Identifier(database))
    with psycopg.connect(settings.database_url(SUPERUSER), autocommit=True) as connection:
        connection.execute(statement)
    bootstrap_database(settings, database, grants)


def _script(name: str) -> bytes:
    return (_SQL / name).read_bytes()


def _locale() -> str:
    return "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"


def _is_postmaster(pid: int, data_dir: Path) -> bool:
    try:
        return Path(psutil.Process(pid).cwd()) == data_dir.resolve()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
