"""A clock under Postgres that is moved: libfaketime, which is loaded before anything else."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.settings import DevstackError

if TYPE_CHECKING:
    from datetime import datetime

    from devstack.placement import Placement
    from devstack.processes import Program


@dataclass(frozen=True)
class Clock:
    """The clock of one server, and of all who are connected to it."""

    file: Path

    def set(self, time: datetime) -> None:
        """Stops it at this time (UTC), to the second."""
        self._write(time.strftime("%Y-%m-%d %H:%M:%S"))

    def let_run(self) -> None:
        self._write("+0")

    def _write(self, text: str) -> None:
        """In one piece: it is read at each look at the clock."""
        whole = self.file.with_suffix(".new")
        whole.write_text(text + "\n")
        whole.chmod(0o644)
        whole.replace(self.file)


def moved(placement: Placement, program: Program) -> tuple[Clock, Program]:
    """The program with a clock that runs until it is set. Raises `DevstackError` without one."""
    folder = placement.data_dir.parent
    clock = Clock(folder / "clock")
    clock.let_run()
    env = {
        "LD_PRELOAD": str(_library(folder)),
        "FAKETIME_TIMESTAMP_FILE": str(clock.file),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    return clock, replace(program, env={**program.env, **env})


def _library(folder: Path) -> Path:
    """libfaketime, where the user that Postgres runs as can read it."""
    spec = importlib.util.find_spec("libfaketime")
    if spec is None or spec.origin is None:
        raise DevstackError("no libfaketime here: it is for Linux, and comes with `make run`")
    shipped = Path(spec.origin).parent / "vendor/libfaketime/src/libfaketime.so.1"
    library = folder / shipped.name
    library.write_bytes(shipped.read_bytes())
    library.chmod(0o755)
    return library
