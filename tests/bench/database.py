"""The needs of the rows in SQL: databases of their own, people, copies, long ledgers."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from rich.progress import Progress

from devstack.postgres import SUPERUSER
from tests.bench.report import out

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.bench import Bench

TOKENS = 1_000_000_000
"""That everybody has at the beginning, so that nobody runs out of them."""
_FOLDER = Path(__file__).parent / "sql"
# Entries that each wallet gets in one statement, and how many of those go on at once.
_WAVE = 20
_WORKERS = 2


def run(connection: psycopg.Connection, file: str, **values: int) -> None:
    """A file of statements, with `values` written into it."""
    cursor = psycopg.ClientCursor(connection)
    cursor.execute((_FOLDER / file).read_bytes(), values or None)


def prepare(bench: Bench, name: str) -> None:
    """A new database with people in it who have one entry each: what they were given."""
    bench.stack.create_database(name)
    with bench.stack.connect(name) as connection:
        run(connection, "people.sql", users=bench.effort.users, tokens=TOKENS)


def settle(bench: Bench, name: str) -> None:
    """As it is found some time later: statistics taken, everything written out."""
    url = bench.stack.settings.database_url(SUPERUSER, name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def fill(bench: Bench, name: str, entries: int) -> None:
    """Spends until the ledger has so many entries, in the order of time: everybody's first, then
    everybody's second. So tables and indexes are as large and as mixed as life makes them."""
    each = entries // bench.effort.users - 1
    began = time.monotonic()
    with Progress(console=out, transient=True) as progress, ThreadPoolExecutor(_WORKERS) as pool:
        task = progress.add_task(f"writing {entries:,} entries", total=each * _WORKERS)
        halves = [
            pool.submit(_fill_part, bench, name, each, part, lambda n: progress.advance(task, n))
            for part in range(_WORKERS)
        ]
        for half in halves:
            half.result()
    with bench.stack.connect(name) as connection:
        connection.execute(
            "update public.token_wallets set tokens = tokens - %(each)s, seq = seq + %(each)s",
            {"each": each},
        )
    out.print(f"{entries:,} entries written in {time.monotonic() - began:.0f} s")


def _fill_part(
    bench: Bench, name: str, each: int, part: int, advance: Callable[[int], None]
) -> None:
    """The wallets keep their state until the end, so entries are counted from it."""
    with bench.stack.connect(name) as connection:
        for first in range(1, each + 1, _WAVE):
            last = min(first + _WAVE - 1, each)
            values = {"first": first, "last": last, "part": part, "parts": _WORKERS}
            run(connection, "wave.sql", **values)
            advance(last - first + 1)
