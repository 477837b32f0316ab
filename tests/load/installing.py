"""Installing into an app that has many users, while people sign up and log in.

`python -m tests.load.installing --users 1000000`, on a cluster of its own. Every file of the
migrations is a transaction, as the Supabase CLI pushes them. Meanwhile somebody signs up,
confirms and logs in again and again. Ends with an error where one of them waits for longer than
the limit, or anybody ends up without a wallet or with the bonus twice.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Annotated
from uuid import UUID, uuid4

import psutil
import psycopg
import typer

from devstack.settings import ROOT
from tests.support.clusters import running

if TYPE_CHECKING:
    from collections.abc import Iterator

# Nine in ten have confirmed their address, three in ten have an account at a provider, too.
_USERS = """
insert into auth.users (id, email, email_confirmed_at, created_at)
select gen_random_uuid(), n || '@example.com', case when n %% 10 > 0 then now() end,
  now() - n * interval '1 second'
from generate_series(1, %s) n
"""
_IDENTITIES = """
insert into auth.identities (user_id, provider_id, identity_data, provider)
select u.id, i.sub, jsonb_build_object('sub', i.sub), i.provider
from auth.users u
cross join lateral (values ('email', u.id::text), ('google', md5(u.email))) i (provider, sub)
where i.provider = 'email' or hashtext(u.email) % 10 in (0, 1, 2)
"""
_SIGN_UP = "insert into auth.users (id, email, created_at) values (%s, %s, now())"
_CONFIRM = "update auth.users set email_confirmed_at = now() where id = %s"
_LOG_IN = "update auth.users set last_sign_in_at = now() where id = %s"
_WITHOUT = """
select count(*) from auth.users u
where not exists (select from public.token_wallets w where w.user_id = u.id)
"""
_UNPAID = """
select count(*) from auth.users u join public.token_wallets w on w.user_id = u.id
where (u.email_confirmed_at is not null
  or exists (select from auth.identities i where i.user_id = u.id and i.provider <> 'email'))
  <> (w.tokens = 5)
"""


@dataclass
class Newcomers:
    """Somebody signs up and confirms, and somebody else logs in, twenty times a second."""

    url: str
    waits: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    """By what they did: seconds, and the file that was pushed meanwhile."""
    file: str = ""

    def __post_init__(self) -> None:
        self._over = Event()
        self._threads = [Thread(target=each) for each in (self._sign_up, self._log_in)]

    def __enter__(self) -> Newcomers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _sign_up(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self._over.wait(0.05):
                user = uuid4()
                self._timed("sign-up", connection, _SIGN_UP, user, f"{user}@example.com")
                self._timed("confirmation", connection, _CONFIRM, user)

    def _log_in(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            known = connection.execute("select id from auth.users limit 1000").fetchall()
            while not self._over.wait(0.05):
                known = [*known[1:], known[0]]
                self._timed("login", connection, _LOG_IN, known[0][0])

    def _timed(
        self, what: str, connection: psycopg.Connection, statement: str, *values: UUID | str
    ) -> None:
        began, file = time.perf_counter(), self.file
        connection.execute(statement.encode(), values)
        self.waits.setdefault(what, []).append((time.perf_counter() - began, file))

    def longest(self) -> Iterator[tuple[str, float, str]]:
        for what, waits in self.waits.items():
            yield (what, *max(waits))


def push(newcomers: Newcomers, files: list[Path]) -> dict[str, tuple[float, float]]:
    """The seconds that each file took, and those of Postgres' CPU in them."""
    seconds = {}
    for file in files:
        newcomers.file = file.stem.partition("_coinslot_")[2]
        with psycopg.connect(newcomers.url) as connection:
            server = psutil.Process(connection.info.backend_pid)
            began, used = time.perf_counter(), _cpu(server)
            connection.execute(file.read_bytes())
            connection.commit()
            seconds[newcomers.file] = (time.perf_counter() - began, _cpu(server) - used)
    return seconds


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def measure(url: str, users: int, files: list[Path]) -> float:
    """The seconds of the longest wait."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_USERS, [users])
        connection.execute(_IDENTITIES)
        connection.execute("analyze auth.users, auth.identities")
    with Newcomers(url) as newcomers:
        time.sleep(1)
        seconds = push(newcomers, files)
        time.sleep(1)
    slowest = sorted(seconds.items(), key=lambda each: -each[1][0])[:3]
    said = ", ".join(f"{name} {taken:.1f} s, CPU {cpu:.1f} s" for name, (taken, cpu) in slowest)
    taken, cpu = (sum(each) for each in zip(*seconds.values(), strict=True))
    typer.echo(
        f"{users} users: installed in {taken:.1f} s, CPU {cpu:.1f} s ({said}); "
        f"load {os.getloadavg()[0]:.1f}"
    )
    for what, wait, file in newcomers.longest():
        number = len(newcomers.waits[what])
        typer.echo(f"  of {number} the longest {what} took {wait:.2f} s, beside {file or 'none'}")
    return max(wait for _, wait, _ in newcomers.longest())


def main(
    users: Annotated[int, typer.Option(min=1, help="Who are there already.")] = 100_000,
    limit: Annotated[float, typer.Option(help="Seconds that nobody waits longer than.")] = 1.0,
    rounds: Annotated[int, typer.Option(min=1, help="How often.")] = 1,
    folder: Annotated[Path, typer.Option(help="The migrations.")] = ROOT / "supabase/migrations",
) -> None:
    files = sorted(folder.glob("*.sql"))
    longest = 0.0
    with running("installing") as cluster:
        for _ in range(rounds):
            with cluster.unmigrated() as name:
                url = cluster.url(name)
                longest = max(longest, measure(url, users, files))
                with psycopg.connect(url) as connection:
                    left = [connection.execute(q).fetchone() for q in (_WITHOUT, _UNPAID)]
                if left != [(0,), (0,)]:
                    typer.echo(f"without a wallet, without the right bonus: {left}", err=True)
                    raise typer.Exit(1)
    if longest > limit:
        typer.echo(f"somebody waited {longest:.2f} s", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
