"""A sign-up's share of the database: `python -m tests.load.sign_ups`.

Databases of one cluster take turns: one without Coinslot, one with it and, with `--before`, one
with the migrations of another folder. Somebody signs up and confirms an address, in two
transactions. What is told is the CPU time of their backend, which a busy machine stretches less
than the clock.
"""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import psutil
import psycopg
import typer

from devstack.settings import ROOT
from tests.support.clusters import running

if TYPE_CHECKING:
    from tests.support.clusters import Cluster

_SIGN_UP = "insert into auth.users (id, email, created_at) values (%s, %s, now())"
_CONFIRM = "update auth.users set email_confirmed_at = now() where id = %s"


def database(stack: ExitStack, cluster: Cluster, folder: Path | None) -> psycopg.Connection:
    """A new database with the migrations of a folder, or with none."""
    url = cluster.url(stack.enter_context(cluster.unmigrated()))
    connection = stack.enter_context(psycopg.connect(url, autocommit=True))
    for file in sorted(folder.glob("*.sql")) if folder else ():
        with connection.transaction():
            connection.execute(file.read_bytes())
    return connection


def sign_ups(connection: psycopg.Connection, number: int) -> float:
    """The microseconds of CPU that each took."""
    server = psutil.Process(connection.info.backend_pid)
    before = sum(server.cpu_times()[:2])
    for _ in range(number):
        user = uuid4()
        connection.execute(_SIGN_UP, [user, f"{user}@example.com"])
        connection.execute(_CONFIRM, [user])
    return float(sum(server.cpu_times()[:2]) - before) / number * 1e6


def main(
    before: Annotated[Path | None, typer.Option(help="Migrations to compare with.")] = None,
    rounds: Annotated[int, typer.Option(min=2, help="Turns of each.")] = 11,
    number: Annotated[int, typer.Option(min=100, help="Sign-ups in a turn.")] = 1000,
) -> None:
    folders = {"without Coinslot": None, "Coinslot": ROOT / "supabase/migrations"}
    if before is not None:
        folders[str(before)] = before
    with running("sign-ups") as cluster, ExitStack() as stack:
        found = {name: database(stack, cluster, folder) for name, folder in folders.items()}
        taken: dict[str, list[float]] = {name: [] for name in found}
        for turn in range(rounds):
            for name, connection in found.items():
                used = sign_ups(connection, number)
                # The first turn fills the caches.
                taken[name] += [used] if turn else []
    for name, each in taken.items():
        typer.echo(
            f"{name}: {statistics.median(each):.0f} µs of CPU ({min(each):.0f} to {max(each):.0f})"
        )


if __name__ == "__main__":
    typer.run(main)
