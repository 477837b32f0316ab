"""Folders with a Postgres in them that one test run makes, and every other copies.

A seed is the data of a server, with its roles and migrated templates, or of a stack, with its
migrations and people: to make that costs more than all the rest of a start. Seeds are kept in the
checkout for as long as what they are made from stays the same.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
_KEPT = ROOT / ".cache/seeds"
_GENERATIONS = 3
_MADE_FROM = (
    "supabase/migrations/*.sql",
    "supabase/*.sql",
    "supabase/config.toml",
    "sidecar/devstack/**/*.*",
    "tests/support/clusters.py",
    "tests/support/stacks.py",
    "requirements.lock",
    "package-lock.json",
)


def seed(name: str) -> Path:
    """The folder of a seed, made from what is in the checkout now."""
    return _generation() / name


def copy_or_make(data: Path, seed: Path, make: Callable[[], None]) -> None:
    """Gives `data` what is in `seed`, and is the one to `make` it where nobody has.

    `make` leaves no process behind.
    """
    whole = seed / "postgres"
    with _alone(seed):
        if not whole.exists():
            make()
            partial = whole.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            _copy(data, partial)
            partial.rename(whole)
            return
    shutil.rmtree(data)
    _copy(whole, data)


@cache
def _generation() -> Path:
    """One worker makes room for it, the others wait."""
    folder = _KEPT / _digest()
    _KEPT.mkdir(parents=True, exist_ok=True)
    with _alone(_KEPT):
        folder.mkdir(exist_ok=True)
        os.utime(folder)
        generations = [each for each in _KEPT.iterdir() if each.is_dir()]
        generations.sort(key=lambda each: each.stat().st_mtime)
        for old in generations[:-_GENERATIONS]:
            shutil.rmtree(old)
    return folder


def _digest() -> str:
    digest = hashlib.sha256()
    files = {file for pattern in _MADE_FROM for file in ROOT.glob(pattern) if file.is_file()}
    for file in sorted(file for file in files if "__pycache__" not in file.parts):
        digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    debian = DEBIAN_15 / "postgres"
    digest.update(f"{debian.stat().st_mtime_ns if debian.exists() else None}".encode())
    return digest.hexdigest()[:16]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _copy(folder: Path, copy: Path) -> None:
    """With owners and modes, of which Postgres is particular."""
    subprocess.run(["cp", "-a", os.fspath(folder), os.fspath(copy)], check=True)  # noqa: S607
