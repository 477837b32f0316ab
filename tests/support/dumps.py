"""Dumps and restores as an operator makes them: with the programs that come with Postgres."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from devstack import tools
from devstack.postgres import SUPERUSER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.clusters import Cluster

OURS = ("--schema", "public", "--schema", "coinslot")
REPLICA = "set session_replication_role = replica"
"""The restore is no sign-up and no payment: triggers have nothing to do with it."""


def dump(cluster: Cluster, database: str, *options: str, role: str = "postgres") -> str:
    return _run(cluster, "pg_dump", *options, cluster.url(database, role))


def psql(cluster: Cluster, database: str, *arguments: str, role: str = "postgres") -> str:
    """Runs psql in one transaction that an error ends. Raises `CalledProcessError`."""
    options = ("--no-psqlrc", "--quiet", "--single-transaction", "--set", "ON_ERROR_STOP=1")
    return _run(cluster, "psql", *options, *arguments, cluster.url(database, role))


def restore_archive(cluster: Cluster, database: str, archive: Path) -> None:
    """Restores a whole database, as a superuser."""
    url = cluster.url(database, SUPERUSER)
    _run(cluster, "pg_restore", "--exit-on-error", "--dbname", url, str(archive))


def supabase_dump(cluster: Cluster, database: str, *options: str) -> str:
    """The output of the script that `supabase db dump` would run in Docker."""
    told = tools.supabase(cluster.settings, "db", "dump", "--dry-run", *options, database=database)
    script = told[told.index("#!/usr/bin/env bash") :]
    path = f"{cluster.placement.bin_dir}:{os.environ['PATH']}"
    return subprocess.run(
        ["/bin/bash", "-c", script],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def rows(cluster: Cluster, database: str, *options: str) -> list[str]:
    """Every row of Coinslot and of its neighbours, as statements, sorted."""
    told = dump(cluster, database, "--data-only", "--column-inserts", *(options or OURS))
    return sorted(line for line in told.splitlines() if line.startswith(("INSERT", "SELECT pg_ca")))


def _run(cluster: Cluster, program: str, *arguments: str) -> str:
    try:
        return subprocess.run(
            [cluster.placement.bin_dir / program, *arguments],
            capture_output=True,
            text=True,
            check=True,
            stdin=subprocess.DEVNULL,
        ).stdout
    except subprocess.CalledProcessError as error:
        error.add_note(error.stderr)
        raise
