"""A Postgres server whose clock a test moves: libfaketime is loaded under it.

The clock stands still between two moves, so that things can happen at the very same instant.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from devstack.placement import Placement
from tests.support import clusters
from tests.support.clusters import Cluster

_RUNNING = "+0"


@dataclass(frozen=True)
class Clock:
    """The clock of one server, and of all who are connected to it."""

    file: Path

    def set(self, time: datetime) -> None:
        """Stops it at this time (UTC), to the second."""
        self._write(time.strftime("%Y-%m-%d %H:%M:%S"))

    def let_run(self, *, days_ahead: int = 0) -> None:
        self._write(f"+{days_ahead}d" if days_ahead else _RUNNING)

    def _write(self, text: str) -> None:
        """In one piece: it is read at each look at the clock."""
        whole = self.file.with_suffix(".new")
        whole.write_text(text + "\n")
        whole.chmod(0o644)
        whole.replace(self.file)


@contextmanager
def running_with_clock(name: str) -> Iterator[tuple[Cluster, Clock]]:
    """A server with the migrated templates. Its clock runs until it is set."""
    clocks: list[Clock] = []

    def env(placement: Placement) -> dict[str, str]:
        clock = Clock(placement.data_dir.parent / "clock")
        clock.let_run()
        clocks.append(clock)
        return {
            "LD_PRELOAD": str(library_for(placement)),
            "FAKETIME_TIMESTAMP_FILE": str(clock.file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    with clusters.running(name, for_all=True, seed="postgres-18", env=env) as cluster:
        yield cluster, clocks[0]


def library_for(placement: Placement) -> Path:
    """libfaketime, where the user that Postgres runs as can read it."""
    spec = importlib.util.find_spec("libfaketime")
    assert spec
    assert spec.origin
    shipped = Path(spec.origin).parent / "vendor/libfaketime/src/libfaketime.so.1"
    library = placement.data_dir.parent / shipped.name
    library.write_bytes(shipped.read_bytes())
    library.chmod(0o755)
    return library
