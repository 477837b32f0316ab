"""The rate at which events leave one process, and the wait for each.

`python -m tests.load.events --events 3000`, on a stack of its own with one sidecar. A receiver in
this process takes them over real HTTP and verifies each. First all of them wait, and the rate is
measured. Then they happen at a steady rate, and the wait from the commit to the arrival is
measured: once with that endpoint alone, once beside one that never answers. Ends with an error
where one is missing, or where the one that never answers delays the other.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, LiteralString

import psutil
import psycopg
import typer
from sanic.response import text

from tests.load.meter import percentile
from tests.support.commands import operate
from tests.support.receivers import Receiver, receiver
from tests.support.stacks import running_stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sanic import HTTPResponse

    from tests.support.stacks import LocalStack

_PROGRAMS = ("sidecar", "api", "postgrest", "postgres")
# Longer than a sidecar waits for an answer.
_NEVER = 60.0
_MOST_SECONDS = 300.0
# Of the wait without the other: what a busy machine does to the same thing twice.
_MOST_TIMES = 3.0
_SLACK = 0.25
_PEOPLE: LiteralString = (
    "insert into auth.users (id, email) select i, i || '@example.com' "
    "from (select gen_random_uuid() as i from generate_series(1, %s)) n returning id::text"
)
_EMIT: LiteralString = "select coinslot.emit('wallet.low', %s, '{\"tokens\": 3, \"mark\": 5}')"
_MANY: LiteralString = (
    "select coinslot.emit('wallet.low', u, '{\"tokens\": 3, \"mark\": 5}') "
    "from unnest(%s::uuid[]) u order by u"
)


class Listener:
    """An endpoint, and the moments at which each event came."""

    def __init__(self, there: Receiver) -> None:
        self.there = there
        self.at: dict[str, float] = {}
        there.answer = self._take

    def _take(self, event: dict[str, Any]) -> HTTPResponse:
        self.at.setdefault(event["id"], time.perf_counter())
        return text("thanks")

    async def until_all(self, ids: set[str]) -> None:
        await self.there.until(lambda: ids <= self.at.keys(), _MOST_SECONDS)


class Load:
    def __init__(self, stack: LocalStack, people: int) -> None:
        self.stack = stack
        self._db = psycopg.connect(stack.database_url, autocommit=True)
        self._people = [str(row[0]) for row in self._db.execute(_PEOPLE, [people])]

    def close(self) -> None:
        self._db.close()

    @asynccontextmanager
    async def listener(self, stall_s: float = 0) -> AsyncIterator[Listener]:
        async with receiver() as there:
            there.stall_s = stall_s
            told = await self._command("add", there.url, "--type", "wallet.low")
            there.secrets.append(told["secret"])
            try:
                yield Listener(there)
            finally:
                await self._command("disable", told["endpoint"]["id"])

    def write_all(self, number: int) -> set[str]:
        """In one transaction, so that none leaves before the last is there."""
        users = random.choices(self._people, k=number)  # noqa: S311 - not secret
        return {str(row[0]) for row in self._db.execute(_MANY, [users])}

    async def write_at(self, rate: int, number: int) -> dict[str, float]:
        """So many a second; the moment of each one's commit."""
        began, written = time.perf_counter(), {}
        for count in range(number):
            user = random.choice(self._people)  # noqa: S311 - not secret
            [(event,)] = self._db.execute(_EMIT, [user]).fetchall()
            written[str(event)] = time.perf_counter()
            await asyncio.sleep(max(0.0, began + (count + 1) / rate - time.perf_counter()))
        return written

    def cpu(self) -> dict[str, float]:
        """Seconds that each process has taken, with its children."""
        found = {"this load": time.process_time(), **dict.fromkeys(_PROGRAMS, 0.0)}
        for name in _PROGRAMS:
            process = self.stack.manager.processes.find(name)
            assert process is not None
            for each in (process, *process.children(recursive=True)):
                found[name] += sum(each.cpu_times()[:2])
        return found

    async def _command(self, *words: str) -> Any:  # noqa: ANN401 - JSON
        status, said, wrong = await operate(self.stack, "endpoints", *words, "--json")
        assert status == 0, wrong
        return json.loads(said)


async def backlog(load: Load, number: int) -> None:
    """Prints how many leave in a second, and their cost."""
    async with load.listener() as there:
        before = load.cpu()
        began = time.perf_counter()
        ids = await asyncio.to_thread(load.write_all, number)
        written = time.perf_counter()
        await there.until_all(ids)
        ended = time.perf_counter()
        after = load.cpu()
    spent = {name: (after[name] - before[name]) * 1000 / number for name in after}
    parts = ", ".join(f"{name} {ms:.1f}" for name, ms in spent.items())
    typer.echo(f"{number} events, written in {written - began:.1f} s")
    typer.echo(f"left: {number / (ended - written):.0f}/s")
    typer.echo(f"CPU ms per event: {parts}; together {sum(spent.values()):.1f}")


async def waits(load: Load, there: Listener, rate: int, seconds: int) -> list[float]:
    """Sorted: from the commit of each to its arrival."""
    written = await load.write_at(rate, rate * seconds)
    await there.until_all(set(written))
    return sorted(there.at[each] - at for each, at in written.items())


async def measure(load: Load, events: int, rate: int, seconds: int) -> bool:
    """Prints the figures; false where one that never answers delays another."""
    await backlog(load, events)
    async with load.listener() as there:
        alone = await waits(load, there, rate, seconds)
    async with load.listener() as there, load.listener(stall_s=_NEVER):
        beside = await waits(load, there, rate, seconds)
    for name, found in (("alone", alone), ("beside one that never answers", beside)):
        p50, p99 = (percentile(found, each) * 1000 for each in (50, 99))
        typer.echo(f"{rate}/s for {seconds} s, {name}: {p50:.0f} ms (p50), {p99:.0f} ms (p99)")
    return percentile(beside, 50) <= percentile(alone, 50) * _MOST_TIMES + _SLACK


def main(
    events: Annotated[int, typer.Option(min=10, help="That wait at first.")] = 3000,
    rate: Annotated[int, typer.Option(min=1, help="That happen in a second, later.")] = 50,
    seconds: Annotated[int, typer.Option(min=1, help="For so long.")] = 20,
    people: Annotated[int, typer.Option(min=1, help="Whose wallets they are about.")] = 500,
) -> None:
    with running_stack("events-load") as stack:
        typer.echo(f"load of the machine: {psutil.getloadavg()[0]:.1f}")
        load = Load(stack, people)
        try:
            undelayed = asyncio.run(measure(load, events, rate, seconds))
        finally:
            load.close()
    if not undelayed:
        typer.echo("the endpoint that never answers delays the other", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
