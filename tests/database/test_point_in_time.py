"""A point in time: a base backup with archived WAL brings a database back to a moment, whole."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from devstack.postgres import SUPERUSER
from devstack.processes import as_user
from devstack.stack import Stack
from tests.database.people import Bank, gateway_says, spend
from tests.support import clusters
from tests.support.clusters import DEBIAN_15, Cluster, devstack_settings, discard, require

pytestmark = pytest.mark.proof


@pytest.fixture
def archiving() -> Iterator[Cluster]:
    """A Postgres 15 that copies each finished segment of its WAL into a folder."""
    there = (DEBIAN_15 / "postgres").exists()
    require("postgresql-15", there, "Debian's Postgres 15 is not installed")
    with clusters.running("postgres-15-archiving", DEBIAN_15) as cluster:
        folder = _made(cluster, _archive(cluster))
        _configure(cluster, f"archive_mode = on\narchive_command = 'cp %p {folder}/%f'\n")
        cluster.restart()
        try:
            yield cluster
        finally:
            shutil.rmtree(folder)


def test_a_moment_comes_back_whole(archiving: Cluster) -> None:
    name = archiving.template("strict")
    restored = Cluster(devstack_settings("postgres-15-restored", DEBIAN_15))
    _base_backup(archiving, restored.placement.data_dir)
    with closing(Bank(archiving.url(name))) as bank:
        buyer = bank.user(3)
        bank.ask(gateway_says(bank.order(buyer), 1, paid=5000))
        [moment] = bank.rows("select clock_timestamp()::text as at")
        bank.ask(spend(buyer, 13, "after"))
        bank.change("drop schema coinslot cascade")
    with closing(Bank(archiving.url(name, SUPERUSER))) as owner:
        owner.rows("select pg_switch_wal()")
    # Fast shutdown waits until the archive has every finished segment.
    archiving.stop()
    _configure(
        restored,
        f"restore_command = 'cp {_archive(archiving)}/%f %p'\n"
        f"recovery_target_time = '{moment['at']}'\nrecovery_target_action = promote\n"
        "archive_mode = off\n",
    )
    _made_file(restored, "recovery.signal")
    restored.restart()
    try:
        with closing(Bank(restored.url(name))) as bank:
            assert bank.rows("select * from coinslot.check_installation()") == []
            assert bank.audit() == []
            assert bank.wallet(buyer) == (13, 0)
            bank.user()
    finally:
        restored.stop()
        discard(Stack(restored.settings, dotenv=None))


def _archive(cluster: Cluster) -> Path:
    return cluster.placement.data_dir.resolve().parent / f"{cluster.port}.wal"


def _base_backup(cluster: Cluster, target: Path) -> None:
    url = cluster.url("postgres", SUPERUSER)
    program = cluster.placement.bin_dir / "pg_basebackup"
    subprocess.run(
        [program, "--pgdata", target.resolve(), "--checkpoint", "fast", "--dbname", url],
        check=True,
        capture_output=True,
        cwd=target.resolve(),
        **as_user(cluster.placement.user),
    )


def _configure(cluster: Cluster, lines: str) -> None:
    configuration = cluster.placement.data_dir / "postgresql.auto.conf"
    with configuration.open("a", encoding="utf-8") as file:
        file.write(lines)


def _made(cluster: Cluster, folder: Path) -> Path:
    folder.mkdir()
    if cluster.placement.user:
        shutil.chown(folder, cluster.placement.user)
    return folder


def _made_file(cluster: Cluster, name: str) -> None:
    file = cluster.placement.data_dir / name
    file.touch()
    if cluster.placement.user:
        shutil.chown(file, cluster.placement.user)
