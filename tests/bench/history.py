"""A long history, read through PostgREST: the last page costs what the first does."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.bench.database import run
from tests.bench.http import Act, Connection, Load, expect, request
from tests.bench.people import person, user_id
from tests.bench.postgrest import DATABASE
from tests.bench.rows import Row
from tests.bench.turns import alternate

if TYPE_CHECKING:
    from tests.bench.bench import Bench

_PAGES, _PER_PAGE = 1_000, 50


def measure(bench: Bench) -> None:
    reader = person(bench.stack.keys, user_id("reader"))
    with bench.stack.connect(DATABASE) as connection:
        run(connection, "reader.sql", entries=_PAGES * _PER_PAGE)
        connection.execute("vacuum analyze public.token_ledger")
    url = bench.stack.settings.postgrest_url
    acts: dict[str, Act] = {
        f"page {_PAGES:,}": _page(url, reader.headers, _PAGES),
        "page 1": _page(url, reader.headers, 1),
        "an RPC that does nothing": _ask(url, reader.headers),
    }
    turns = {name: partial(bench.turn, Load(url, 1), act) for name, act in acts.items()}
    measured = alternate(bench.effort.rounds, turns)
    bench.show(Row("history", f"a page of {_PER_PAGE} entries, 1 client", "per second", measured))


def _ask(url: str, headers: dict[str, str]) -> Act:
    body = b'{"amount":1,"idempotency_key":""}'
    asked = request("POST", f"{url}/rpc/bench_nothing", headers, body)

    async def ask(connection: Connection) -> None:
        await expect(connection, asked)

    return ask


def _page(url: str, headers: dict[str, str], number: int) -> Act:
    """Below the last entry of the page before, as the docs say to page."""
    newest = (_PAGES - number + 1) * _PER_PAGE
    query = f"seq=lt.{newest + 1}&order=seq.desc&limit={_PER_PAGE}"
    asked = request("GET", f"{url}/token_ledger?{query}", headers)

    async def read(connection: Connection) -> None:
        answer = await expect(connection, asked)
        shown = answer.count(b'"seq":'), b'"seq":%d,' % newest in answer
        if shown != (_PER_PAGE, True):
            message = f"page {number} shows other entries than its own"
            raise RuntimeError(message)

    return read
