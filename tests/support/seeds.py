"""The folder of a Postgres server that one worker of a test run makes, and the others copy.

It holds the roles and the migrated templates: to make those takes longer than all the rest of a
start.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, get_args

from devstack.postgres import Grants

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.clusters import Cluster


def start_with_seed(cluster: Cluster, seed: Path) -> None:
    """Starts the server as it is in `seed`, and is the one to make that where nobody has."""
    seed.mkdir(parents=True, exist_ok=True)
    whole = seed / "postgres"
    with (seed / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if whole.exists():
            shutil.rmtree(cluster.placement.data_dir)
            _copy(whole, cluster.placement.data_dir)
        else:
            _make(cluster, whole)
    cluster.go_on()


def _make(cluster: Cluster, whole: Path) -> None:
    cluster.start()
    for grants in get_args(Grants):
        cluster.template(grants)
    cluster.stop()
    partial = whole.with_suffix(".partial")
    _copy(cluster.placement.data_dir, partial)
    partial.rename(whole)


def _copy(folder: Path, copy: Path) -> None:
    """With owners and modes, of which Postgres is particular."""
    subprocess.run(["cp", "-a", os.fspath(folder), os.fspath(copy)], check=True)  # noqa: S607
