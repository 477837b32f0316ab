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
    from tests.bench.bench import Bench

_DONE = re.compile(r"actually processed: (\d+)")
_FAILED = re.compile(r"failed transactions: (\d+)")
_RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)


@dataclass(frozen=True)
class Script:
    """One of `scripts`, played by so many connections for so many users."""

    name: str
    clients: int
    users: int
    transactions: int
    """Of each connection. Time would not do: connecting counts into it."""

    @property
    def text(self) -> str:
        return str(getattr(scripts, self.name))


def play(bench: Bench, database: str, script: Script) -> float:
    """Transactions a second, of which none may fail."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script.text)
        file.flush()
        output = _run(bench, database, script, Path(file.name))
    done, failed, rate = (pattern.search(output) for pattern in (_DONE, _FAILED, _RATE))
    if not done or not rate or not failed or int(failed[1]):
        message = f"{script.name} failed:\n{output}"
        raise RuntimeError(message)
    bench.done[database, script.name] += int(done[1])
    return float(rate[1])


def _run(bench: Bench, database: str, script: Script, file: Path) -> str:
    """As the role that PostgREST connects as."""
    result = subprocess.run(
        [
            *(str(bench.stack.pgbench), "--no-vacuum", "--protocol=prepared"),
            *(f"--client={script.clients}", f"--jobs={min(2, script.clients)}"),
            f"--transactions={script.transactions}",
            *(f"--file={file}", f"--define=users={script.users}"),
            bench.stack.settings.database_url("authenticator", database),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout + result.stderr
