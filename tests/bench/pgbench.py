"""pgbench as the client: it costs little, so what is measured is the database."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import scripts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.bench import Bench

_DONE = re.compile(r"actually processed: (\d+)")
_FAILED = re.compile(r"failed transactions: (\d+)")
_NOTHING = "actually processed: 0\n"
_TRIES = 3
_RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)


@dataclass(frozen=True)
class Script:
    """One of `scripts`, played by so many connections for so many users."""

    name: str
    clients: int
    users: int

    @property
    def text(self) -> str:
        return str(getattr(scripts, self.name))


def play(bench: Bench, database: str, script: Script, length: Sequence[str] = ()) -> float:
    """Transactions a second, of which none may fail. `length` is how long, if not as usual.

    A turn in which the machine was so busy elsewhere that nothing was done is played again.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script.text)
        file.flush()
        for _ in range(_TRIES):
            output = _run(bench, database, script, Path(file.name), length or bench.effort.pgbench)
            if not output.endswith(_NOTHING):
                break
    done, failed, rate = (pattern.search(output) for pattern in (_DONE, _FAILED, _RATE))
    if not done or not rate or not failed or int(failed[1]):
        message = f"{script.name} failed:\n{output}"
        raise RuntimeError(message)
    bench.done[database, script.name] += int(done[1])
    return float(rate[1])


def _run(bench: Bench, database: str, script: Script, file: Path, length: Sequence[str]) -> str:
    """As the role that PostgREST connects as."""
    result = subprocess.run(
        [
            *(str(bench.stack.pgbench), "--no-vacuum", "--protocol=prepared"),
            *(f"--client={script.clients}", f"--jobs={min(2, script.clients)}", *length),
            *(f"--file={file}", f"--define=users={script.users}"),
            bench.stack.settings.database_url("authenticator", database),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout + result.stderr
