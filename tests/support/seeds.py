"""Folders with a Postgres in them that one worker of a test run makes, and the others copy.

A seed is the data of a server, with its roles and migrated templates, or of a stack, with its
migrations and people: to make that costs more than all the rest of a start.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_RUN = "COINSLOT_TEST_RUN"


def share(run: int) -> None:
    """Lets the workers of this process, and what they start, share seeds under this number."""
    os.environ[_RUN] = str(run)


def shared_run() -> int | None:
    """The process whose workers share seeds; None where every server is made anew."""
    run = os.environ.get(_RUN)
    return int(run) if run else None


def copy_or_make(data: Path, seed: Path, make: Callable[[], None]) -> None:
    """Gives `data` what is in `seed`, and is the one to `make` it where nobody has.

    `make` leaves no process behind.
    """
    whole = seed / "postgres"
    with _alone(seed):
        if not whole.exists():
            make()
            partial = whole.with_suffix(".partial")
            _copy(data, partial)
            partial.rename(whole)
            return
    shutil.rmtree(data)
    _copy(whole, data)


@contextmanager
def _alone(seed: Path) -> Iterator[None]:
    seed.mkdir(parents=True, exist_ok=True)
    with (seed / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _copy(folder: Path, copy: Path) -> None:
    """With owners and modes, of which Postgres is particular."""
    subprocess.run(["cp", "-a", os.fspath(folder), os.fspath(copy)], check=True)  # noqa: S607
