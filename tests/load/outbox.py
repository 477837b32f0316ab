"""The claims of a large outbox: `python -m tests.load.outbox --rows 1000000`.

Three times so many deliveries: delivered long ago; waiting, of many wallets, while their endpoint
was away; waiting, all of one wallet. Each time deliveries are claimed and finished, one claim after
the other, as a sidecar does. Prints the milliseconds of a claim and of a verdict, and the plans of
the slowest statements in them. Ends with an error where one of a hundred takes too long, or where
more than a few claims take nothing, though the first of each wallet is due.
"""

from __future__ import annotations

import time
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Annotated, LiteralString
from uuid import uuid4

import psycopg
import typer

from tests.support.clusters import running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOST_MS = 100.0
# Of the claims: some look at nothing but what waits for another, and put that off.
_MOST_EMPTY = 0.1
_ENDPOINT: LiteralString = (
    "insert into coinslot.endpoints (id, url, secret) "
    "values (%s, 'https://app.example.com/hook', 'v1.a.b')"
)
_PEOPLE: LiteralString = (
    "insert into auth.users (id, email) select i, i || '@example.com' "
    "from (select gen_random_uuid() as i from generate_series(1, %s)) n"
)
# Past the triggers, which write the same row by row. Whose it is turns with the row.
_WRITE: LiteralString = """
with people as (
  select array_agg(u.user_id) as ids from (
    select w.user_id from public.token_wallets w order by w.user_id limit %(people)s
  ) u
), written as (
  insert into coinslot.outbox (type, version, user_id, seq, live, data, created_at)
  select 'wallet.low', 1, p.ids[1 + n %% %(people)s], %(from)s + n, false,
    '{"tokens": 3, "mark": 5}', now() - interval '1 hour'
  from people p, generate_series(1, %(rows)s) n
  returning id, user_id, seq
)
insert into coinslot.deliveries
  (endpoint_id, event_id, user_id, seq, state, finished_at, next_attempt_at, created_at)
select %(endpoint)s, w.id, w.user_id, w.seq, %(state)s,
  case when %(state)s = 'delivered' then now() end, now() - interval '1 hour',
  now() - interval '1 hour'
from written w
"""
_CLAIM: LiteralString = "select id, attempt from coinslot.claim_deliveries('{}', 16)"
_FINISH: LiteralString = (
    "select coinslot.finish_delivery(%s, %s, 'delivered', 200, null, 'thanks', 12, null)"
)
_EXPLAIN: tuple[LiteralString, ...] = (
    "load 'auto_explain'",
    "set auto_explain.log_min_duration = 0",
    "set auto_explain.log_nested_statements = on",
    "set auto_explain.log_analyze = on",
    "set auto_explain.log_buffers = on",
    "set client_min_messages = log",
)
_PLANS = 2
_SOME = 20_000


class Outbox:
    def __init__(self, connection: psycopg.Connection, people: int) -> None:
        self._db = connection
        self._people = people
        self._endpoint = uuid4()
        self._written = 0
        connection.execute(_ENDPOINT, [self._endpoint])
        connection.execute(_PEOPLE, [people])

    def mostly_delivered(self, rows: int) -> None:
        self._write(rows, self._people, "delivered")
        self._write(_SOME, self._people, "pending")

    def waiting(self, rows: int, people: int) -> None:
        """These, and none that waited before."""
        self._db.execute("delete from coinslot.deliveries where state = 'pending'")
        self._write(rows, people, "pending")

    def _write(self, rows: int, people: int, state: str) -> None:
        given = {
            "rows": rows, "people": people, "state": state,
            "endpoint": self._endpoint, "from": self._written,
        }  # fmt: skip
        with self._db.transaction():
            self._db.execute("alter table coinslot.outbox disable trigger user")
            self._db.execute(_WRITE, given)
            self._db.execute("alter table coinslot.outbox enable trigger user")
        self._db.execute("analyze coinslot.outbox, coinslot.deliveries")
        self._written += rows


def rounds(connection: psycopg.Connection, number: int) -> dict[str, list[float]]:
    """The milliseconds of each claim and of each verdict, and of those claims that took nothing."""
    found: dict[str, list[float]] = {"claim": [], "verdict": [], "empty claim": []}
    for _ in range(number):
        began = time.perf_counter()
        jobs = connection.execute(_CLAIM).fetchall()
        found["claim"].append((time.perf_counter() - began) * 1000)
        found["empty claim"] += [] if jobs else found["claim"][-1:]
        for job in jobs:
            began = time.perf_counter()
            connection.execute(_FINISH, job)
            found["verdict"].append((time.perf_counter() - began) * 1000)
    return found


def plans(url: str) -> list[str]:
    """Of the statements of one more claim and verdict, those that took longest."""
    told: list[str] = []
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _EXPLAIN:
            connection.execute(statement)
        connection.add_notice_handler(lambda note: told.append(note.message_primary or ""))
        rounds(connection, 1)
    kept = [each for each in told if "plan:" in each and "Function Scan" not in each]
    return sorted(kept, key=_milliseconds, reverse=True)[:_PLANS]


def _milliseconds(note: str) -> float:
    return float(note.partition("duration: ")[2].partition(" ms")[0])


def told(found: dict[str, list[float]]) -> str:
    return "; ".join(
        f"{len(each)} of {name}, {median(each):.1f} ms (p50), {_p99(each):.1f} ms (p99)"
        for name, each in found.items()
        if each
    )


def main(
    rows: Annotated[int, typer.Option(min=1000, help="Of each kind.")] = 1_000_000,
    people: Annotated[int, typer.Option(min=2, help="Wallets of the second kind.")] = 10_000,
    turns: Annotated[int, typer.Option(min=10, help="Claims of each kind.")] = 100,
) -> None:
    slow: list[str] = []
    with (
        running("outbox") as cluster,
        cluster.clone(cluster.template("strict")) as name,
        psycopg.connect(cluster.url(name), autocommit=True) as connection,
    ):
        outbox = Outbox(connection, people)
        fills: dict[str, Callable[[], None]] = {
            f"{rows} delivered, and some waiting": partial(outbox.mostly_delivered, rows),
            f"{rows} waiting, of {people} wallets": partial(outbox.waiting, rows, people),
            f"{rows} waiting, of one wallet": partial(outbox.waiting, rows, 1),
        }
        for title, fill in fills.items():
            fill()
            found = rounds(connection, turns)
            typer.echo(f"{title}: {told(found)}")
            slow += [title for each in found.values() if each and _p99(each) > _MOST_MS]
            slow += [title] if len(found["empty claim"]) > turns * _MOST_EMPTY else []
            for plan in plans(cluster.url(name, "supabase_admin")):
                typer.echo(plan)
    if slow:
        typer.echo(f"more than {_MOST_MS:.0f} ms, or idle: {', '.join(slow)}", err=True)
        raise typer.Exit(1)


def _p99(found: Sequence[float]) -> float:
    return sorted(found)[len(found) * 99 // 100] if found else 0.0


if __name__ == "__main__":
    typer.run(main)
