"""Rows over HTTP: what an app waits for when it spends, beside RPCs that do less, and beside the
two calls that need no RPC and lose money."""

from __future__ import annotations

import asyncio
import json
import random
import time
from functools import partial
from typing import TYPE_CHECKING, LiteralString

from tests.bench.cpu import CpuShare
from tests.bench.database import TOKENS, run, settle
from tests.bench.http import Act, Connection, Load, connect, expect, new_key, request
from tests.bench.people import SignedIn, numbered
from tests.bench.rows import Row
from tests.bench.turns import alternate

if TYPE_CHECKING:
    from tests.bench.bench import Bench

DATABASE = "postgres"
_CLIENTS = (1, 16, 64)
_BY_HAND, _TWO_CALLS = "an RPC of one statement by hand", "select, then update"
_TARGETS = {_BY_HAND: 0.90, _TWO_CALLS: 1.7}
_SECONDS_TO_RELOAD = 20.0
# But those of whoever has a long history already, and of shoppers.
_SPENDS: LiteralString = """select count(*)
from public.token_ledger l join auth.users u on u.id = l.user_id
where l.kind = 'spend' and u.id <> md5('bench reader')::uuid and u.email like '%@bench.example'"""


class Requests:
    """Ways to take one token of somebody over HTTP."""

    def __init__(self, url: str, people: list[SignedIn]) -> None:
        self._url = url
        self._people = people

    def rpc(self, name: str) -> Act:
        async def call(connection: Connection) -> None:
            person = random.choice(self._people)  # noqa: S311 - not secret
            body = b'{"amount":1,"idempotency_key":"%s"}' % new_key().encode()
            await expect(connection, self._request("POST", f"rpc/{name}", person, body))

        return call

    async def two_calls(self, connection: Connection) -> None:
        """Reads the balance, and writes what it should be now."""
        person = random.choice(self._people)  # noqa: S311 - not secret
        mine = f"bench_profiles?id=eq.{person.id}"
        answer = await expect(connection, self._request("GET", f"{mine}&select=tokens", person))
        [balance] = json.loads(answer)
        body = b'{"tokens":%d}' % (balance["tokens"] - 1)
        await expect(connection, self._request("PATCH", mine, person, body))

    def _request(self, method: str, path: str, person: SignedIn, body: bytes = b"") -> bytes:
        return request(method, f"{self._url}/{path}", person.headers, body)


def prepare(bench: Bench) -> None:
    """People, and what they may ask for beside the product."""
    with bench.stack.connect(DATABASE) as connection:
        run(connection, "people.sql", users=bench.effort.signed_in, tokens=TOKENS)
        run(connection, "floors.sql")
        run(connection, "copies.sql")
        run(connection, "rpc.sql")
    settle(bench, DATABASE)
    [somebody] = numbered(bench.stack.keys, 1)
    bench.runner.run(_until_known(bench, somebody))


def measure(bench: Bench) -> None:
    people = numbered(bench.stack.keys, bench.effort.signed_in)
    for clients in _CLIENTS:
        _row(bench, f"http_{clients}", clients, people)
    _row(bench, "http_hot", 16, people[:1])
    bench.expect(DATABASE, "spends", _SPENDS, bench.done[DATABASE, "spend_tokens"])
    by_hand = "select count(*) from bench.token_ledger"
    bench.expect(DATABASE, "entries by hand", by_hand, bench.done[DATABASE, _BY_HAND])


def _row(bench: Bench, key: str, clients: int, people: list[SignedIn]) -> None:
    url = bench.stack.settings.postgrest_url
    requests = Requests(url, people)
    acts = {
        "spend_tokens": requests.rpc("spend_tokens"),
        _BY_HAND: requests.rpc("bench_spend"),
        "an RPC that does nothing": requests.rpc("bench_nothing"),
        _TWO_CALLS: requests.two_calls,
    }
    loads = {name: Load(url, clients) for name in acts}
    turns = {name: partial(bench.turn, loads[name], act) for name, act in acts.items()}
    before = _balances(bench)
    with CpuShare(bench.stack) as cpu:
        measured = alternate(bench.effort.rounds, turns)
    for name, load in loads.items():
        bench.done[DATABASE, name] += load.done
    tried = loads[_TWO_CALLS].done
    notes = {
        "client's share of the CPU time": cpu.own,
        "two-call spends": tried,
        "of them lost": tried - (before - _balances(bench)),
    }
    who = "one hot user" if len(people) == 1 else "random users"
    title = f"spend through PostgREST, {who}, {clients} client{'s' * (clients > 1)}"
    bench.show(Row(key, title, "per second", measured, _TARGETS, notes))


def _balances(bench: Bench) -> int:
    with bench.stack.connect(DATABASE) as connection:
        found = connection.execute("select sum(tokens) from public.bench_profiles").fetchone()
    return int(found[0]) if found else 0


async def _until_known(bench: Bench, person: SignedIn) -> None:
    """PostgREST reads the schema anew when it hears of the new functions, which takes a moment."""
    connection = await connect(bench.stack.settings.postgrest_url)
    url = f"{bench.stack.settings.postgrest_url}/rpc/bench_nothing"
    body = b'{"amount":1,"idempotency_key":""}'
    deadline = time.monotonic() + _SECONDS_TO_RELOAD
    while (await connection.ask(request("POST", url, person.headers, body))).status != 204:
        if time.monotonic() > deadline:
            raise TimeoutError("PostgREST does not know the benchmark's functions")
        await asyncio.sleep(0.05)
    connection.close()
