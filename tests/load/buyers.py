"""Many buyers at once while the servers are restarted under them: is anything lost or doubled?

`python -m tests.load.buyers --buyers 500 --seconds 60` starts a stack of its own with two sidecars
behind a balancer. Buyers order at every gateway, pay, come back, spend, look at their history, and
pause as people do; meanwhile one sidecar after the other is stopped, or killed, and started again.
In the end the gateways' money is compared with the tokens. Everything shares this machine, buyers
and balancer included, so the times are those of all of it together.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import psycopg
import typer

from coinslot.services import opened
from devstack.foreground import stopped_by_signals
from tests.load.balancer import SECONDS_BETWEEN_LOOKS, Balancer
from tests.load.meter import Meter, MeteredClient
from tests.storm import plan
from tests.storm.buyers import Buyers
from tests.storm.calm import Calm
from tests.storm.faults import Faults
from tests.storm.journal import Journal
from tests.storm.network import Network
from tests.storm.report import out, show_figures, show_offences
from tests.storm.spenders import Spenders
from tests.storm.verdict import Database, offences, received
from tests.storm.world import SIDECARS, StormStack
from tests.support.clusters import discard
from tests.support.stacks import LocalStack, Person

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.storm.journal import Bought
    from tests.storm.verdict import Offence

# Between two things that one buyer does, where there is time for it; and from one restart to the
# next.
_MEAN_PAUSE = 4.0
_SECONDS_UP = 3.0
# Of so many restarts the second is a kill.
_KILL_EVERY = 3


class LoadStack(StormStack):
    """Patient sidecars, as they are deployed, that tell the balancer before they stop."""

    sidecars_have: ClassVar[dict[str, str]] = {
        "COINSLOT_LOG_FORMAT": "json",
        "COINSLOT_STOP_NOTICE_SECONDS": str(3 * SECONDS_BETWEEN_LOOKS),
    }


@dataclass(frozen=True)
class Outcome:
    meter: Meter
    journal: Journal
    offences: list[Offence]
    restarts: dict[str, int]
    """`stopped` and `killed`: how often."""


class Load:
    def __init__(self, stack: LoadStack, buyers: int, seconds: float, seed: int) -> None:
        self._stack = stack
        self._database = Database(stack)
        self._people = _sign_up(stack, buyers)
        self._seconds = seconds
        self._mean_pause = min(_MEAN_PAUSE, seconds / 8)
        self._seed = seed
        self._rng = random.Random(f"{seed}/pauses")  # noqa: S311
        self._plans = _plans(seed)
        self._meter, self._journal = Meter(), Journal()
        self._restarts = {"stopped": 0, "killed": 0}

    async def run(self) -> Outcome:
        async with self._open() as client:
            self._until = time.monotonic() + self._seconds
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._disturb())
                for number in range(len(self._people)):
                    tasks.create_task(self._live(client, number))
            await asyncio.to_thread(self._stack.await_all)
            async with opened(self._stack.sidecar_settings()) as services:
                await Calm(self._stack, services, client, self._journal).until_idle()
            money = await received(client)
        found = offences(self._database, self._journal, money, self._stack.sidecar_logs())
        return Outcome(self._meter, self._journal, found, self._restarts)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[MeteredClient]:
        local = LocalStack(self._stack)
        async with Balancer(self._stack.sidecar_urls()).open() as address:
            client = MeteredClient(local, address, self._journal, self._meter)
            network = Network([address], self._journal, self._seed)
            network.calm = True
            self._buyers = Buyers(client, self._people, self._journal, self._seed)
            self._spenders = Spenders(client, self._people, self._journal)
            async with network.open() as webhooks:
                await Faults([], self._stack, client, self._journal).begin(webhooks)
                yield client
            await client.close()

    async def _live(self, client: MeteredClient, number: int) -> None:
        """Brings to its end what a buyer has begun, also when the time is over."""
        await asyncio.sleep(self._rng.uniform(0, 2 * self._mean_pause))
        while time.monotonic() < self._until:
            bought = await self._buyers.buy(replace(next(self._plans), user=number))
            await self._pause()
            await self._buyers.deposit(bought)
            await self._spenders.spend(bought)
            await self._pause()
            await self._look(client, bought, self._people[number])

    async def _look(self, client: MeteredClient, bought: Bought, person: Person) -> None:
        await client.sidecar("/payment/history/me", None, person.token)
        await client.rpc("get_user_tokens", person)
        await self._buyers.look_again(bought)
        await self._pause()

    async def _pause(self) -> None:
        await asyncio.sleep(min(self._rng.expovariate(1 / self._mean_pause), 3 * self._mean_pause))

    async def _disturb(self) -> None:
        """Restarts one after the other: at no time are both away, unless one dies as it starts."""
        for number, name in enumerate(itertools.cycle(SIDECARS), 1):
            await asyncio.sleep(_SECONDS_UP)
            if time.monotonic() > self._until and number > _KILL_EVERY:
                return
            killed = number % _KILL_EVERY == 2
            end = self._stack.kill if killed else self._stack.stop
            self._restarts["killed" if killed else "stopped"] += 1
            await asyncio.to_thread(end, name)
            await asyncio.to_thread(self._stack.start, name)
            await asyncio.to_thread(self._stack.becomes_ready, name)


def _plans(seed: int) -> Iterator[plan.Purchase]:
    """Everything that buyers do in a storm; nobody gives money back here."""
    for number in itertools.count():
        yield replace(plan.purchase(seed, number), later="nothing")


def _sign_up(stack: LoadStack, number: int) -> list[Person]:
    """With a session that lasts; the bonus is theirs as anybody's."""
    with psycopg.connect(stack.settings.database_url(), autocommit=True) as connection:
        found = connection.execute(
            "insert into auth.users (id, email, email_confirmed_at) "
            "select i, i || '@example.com', now() from ("
            "select gen_random_uuid() as i from generate_series(1, %s)) ids returning id, email",
            [number],
        ).fetchall()
    return [Person(str(user_id), email, _token(stack, str(user_id))) for user_id, email in found]


def _token(stack: LoadStack, user_id: str) -> str:
    claims: dict[str, Any] = {"sub": user_id, "role": "authenticated", "aud": "authenticated"}
    return stack.keys.sign(claims | {"exp": stack.keys.expire_at})


def measure(buyers: int, seconds: float, seed: int) -> Outcome:
    """Starts everything, and prints the figures."""
    stack = LoadStack()
    try:
        with stopped_by_signals():
            stack.keep_own_log()
            stack.up()
            outcome = asyncio.run(Load(stack, buyers, seconds, seed).run())
            _show(outcome, Database(stack), seed)
            return outcome
    finally:
        discard(stack)


def _show(outcome: Outcome, database: Database, seed: int) -> None:
    out.print(outcome.meter.table(), width=140)
    stops = ", ".join(f"{number} {how}" for how, number in outcome.restarts.items())
    out.print(f"{outcome.meter.requests()} answers; sidecars restarted: {stops}")
    show_figures(outcome.journal, database.statuses(), outcome.offences)
    if outcome.offences:
        show_offences(seed, outcome.journal, outcome.offences, database)


def main(
    buyers: Annotated[int, typer.Option(min=1, help="How many at once.")] = 500,
    seconds: Annotated[float, typer.Option(min=5, help="For how long.")] = 60,
    seed: Annotated[int, typer.Option(help="Of what they buy.")] = 2026,
) -> None:
    outcome = measure(buyers, seconds, seed)
    if undeclared := outcome.meter.undeclared():
        out.print(f"[red]Failures that no restart explains: {undeclared}[/]")
    if spared := [how for how, number in outcome.restarts.items() if not number]:
        out.print(f"[red]No sidecar was {' or '.join(spared)}[/]")
    if outcome.offences or undeclared or spared:
        raise typer.Exit(1)
    out.print("[green]Nothing lost, nothing doubled.[/]")


if __name__ == "__main__":
    typer.run(main)
