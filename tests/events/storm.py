"""A storm of events from beginning to end: the kills, the calm after them, the verdict."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, LiteralString

import psycopg

from tests.events.kills import Kills
from tests.events.verdict import offences
from tests.events.ways import Claims, Ear, WatchedMailbox, Way
from tests.events.writers import Writers
from tests.storm.world import SIDECARS
from tests.support.commands import operate
from tests.support.mailboxes import mailbox
from tests.support.receivers import Receiver, receiver
from tests.support.stacks import LocalStack

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.events.world import EventStack

# Of what each endpoint is told: the share that it takes at a later try only.
_REFUSED = (0.0, 0.15)
_WRITERS = 6
_PEOPLE = 12
_ANYWHERE = (*SIDECARS, *SIDECARS, "postgrest", "postgres")
# In which nothing leaves.
_SECONDS_OF_CALM = 90.0
# Until it is clear that a point is not come to any more.
_SECONDS_OF_RAGE, _SECONDS_OF_A_KILL = 60.0, 5.0
# A mail is leased for a quarter of an hour: here for four seconds. Then it goes before others, so
# that its second sender is killed as well, however many wait.
_HURRY: LiteralString = (
    "update coinslot.mails set next_attempt_at = created_at where state = 'pending' "
    "and next_attempt_at > clock_timestamp() "
    "and next_attempt_at < clock_timestamp() + interval '15 minutes' - interval '4 seconds'"
)
_LEFT: LiteralString = (
    "select (select count(*) from coinslot.deliveries where state = 'pending') + "
    "(select count(*) from coinslot.mails where state = 'pending')"
)
_MAILS: LiteralString = "select count(*) from coinslot.mails"
_SIGN_UP: LiteralString = (
    "insert into auth.users (id, email, email_confirmed_at) "
    "select i, i || '@example.com', now() from gen_random_uuid() i returning id::text"
)
_OUTCOMES: LiteralString = (
    "select 'events written', count(*) from coinslot.outbox where type = 'wallet.low' union all "
    "select 'deliveries ' || state, count(*) from coinslot.deliveries group by 1 union all "
    "select 'deliveries tried again', count(*) from coinslot.deliveries where attempts > 1 "
    "union all select 'mails ' || state, count(*) from coinslot.mails group by 1"
)


class EventStorm:
    def __init__(
        self, stack: EventStack, events: int, kills: int, anywhere: int, seed: int
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.kills = Kills(stack, kills, seed)
        self._stack = stack
        self._events = events
        self._anywhere = anywhere
        self._seed = seed
        self._rng = random.Random(seed)  # noqa: S311 - not secret
        self._claims: Claims = {}
        self._over = False

    async def run(self, prepare: Callable[[], None]) -> list[str]:
        """Its offences. `prepare` has the database before anything is written."""
        box = WatchedMailbox(kills=self.kills, claims=self._claims)
        async with AsyncExitStack() as exits:
            exits.enter_context(mailbox(box=box))
            self._stack.mail_port = box.port
            for name, sock in self._stack.sockets.items():
                way = Way(name, self._stack.settings.api_url, self.kills, self._claims, self._seed)
                await exits.enter_async_context(way.open(sock))
            await asyncio.to_thread(self._stack.up)
            await asyncio.to_thread(prepare)
            there = [await exits.enter_async_context(receiver()) for _ in _REFUSED]
            ears = [await self._listen(*each) for each in zip(there, _REFUSED, strict=True)]
            await self._until(lambda: bool(self._number("select count(*) from coinslot.mailer")))
            writers = await self._rage()
            await self._calm()
            self._tell(writers, ears, box)
            forged = sum(each.forged for each in there)
            found = offences(self._url, writers, ears, box, forged)
            return [*found, *(f"nobody was killed: {each}" for each in self.kills.missing)]

    @property
    def _url(self) -> str:
        return self._stack.settings.database_url()

    async def _listen(self, there: Receiver, refused: float) -> Ear:
        words = ("endpoints", "add", there.url, "--type", "wallet.low", "--json")
        status, said, wrong = await operate(LocalStack(self._stack), *words)
        assert status == 0, wrong
        there.secrets.append(json.loads(said)["secret"])
        rng = random.Random(f"{self._seed}/{refused}")  # noqa: S311 - not secret
        ear = Ear(there.url, self.kills, self._claims, refused, rng)
        there.answer = ear.hear
        return ear

    async def _rage(self) -> Writers:
        with psycopg.connect(self._url, autocommit=True) as connection:
            people = [connection.execute(_SIGN_UP).fetchone()[0] for _ in range(_PEOPLE)]  # type: ignore[index]
        writers = Writers(self._url, people, self._events, self._seed)
        began = time.monotonic()

        def goes_on() -> bool:
            return not self._over

        async with asyncio.TaskGroup() as tasks:
            for number in range(_WRITERS):
                tasks.create_task(writers.write(number, goes_on))
            tasks.create_task(self._raise(goes_on))
            tasks.create_task(self._hurry(goes_on))
            await self._strike()
            with suppress(TimeoutError):
                await self._until(
                    lambda: len(writers.committed) >= self._events and not self.kills.left,
                    _SECONDS_OF_RAGE + _SECONDS_OF_A_KILL * self.kills.left,
                )
            self._over = True
        self.counts["storm seconds"] = round(time.monotonic() - began)
        return writers

    async def _strike(self) -> None:
        for _ in range(self._anywhere):
            await asyncio.sleep(self._rng.uniform(0.3, 3))
            await asyncio.to_thread(self.kills.anywhere, self._rng.choice(_ANYWHERE))

    async def _raise(self, goes_on: Callable[[], bool]) -> None:
        while goes_on():
            await asyncio.to_thread(self.kills.start_again)
            await asyncio.sleep(self._rng.uniform(0, 0.3))

    async def _hurry(self, goes_on: Callable[[], bool]) -> None:
        while goes_on():
            with suppress(psycopg.OperationalError):
                await asyncio.to_thread(self._run, _HURRY)
            await asyncio.sleep(1)

    async def _calm(self) -> None:
        """Until nothing is to be sent, or nothing more will be."""
        began = moved = time.monotonic()
        self.kills.end()
        await asyncio.to_thread(self.kills.start_again)
        await asyncio.to_thread(self._stack.await_all)
        waiting = asyncio.create_task(self._hurry(lambda: True))
        fewest = await asyncio.to_thread(self._number, _LEFT)
        while fewest and time.monotonic() - moved < _SECONDS_OF_CALM:
            await asyncio.sleep(0.2)
            if (left := await asyncio.to_thread(self._number, _LEFT)) < fewest:
                fewest, moved = left, time.monotonic()
        waiting.cancel()
        self.counts["calm seconds"] = round(time.monotonic() - began)

    def _tell(self, writers: Writers, ears: list[Ear], box: WatchedMailbox) -> None:
        self.counts.update({f"transactions {name}": n for name, n in writers.counts.items()})
        self.counts["calls taken"] = sum(each.taken.total() for each in ears)
        self.counts["events taken twice or more"] = sum(
            n > 1 for each in ears for n in each.taken.values()
        )
        self.counts["mails that came"] = len(box.kept)
        twice = Counter(each["Message-ID"] for each in box.kept)
        self.counts["mails that came twice"] = sum(n > 1 for n in twice.values())
        self.counts["mails that did not come"] = self._number(_MAILS) - len(twice)
        with psycopg.connect(self._url) as connection:
            self.counts.update(dict(connection.execute(_OUTCOMES).fetchall()))

    async def _until(self, holds: Callable[[], bool], seconds: float = 60) -> None:
        async with asyncio.timeout(seconds):
            while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - of other processes
                await asyncio.sleep(0.2)

    def _run(self, statement: LiteralString) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement)

    def _number(self, statement: LiteralString) -> int:
        with psycopg.connect(self._url) as connection:
            [(number,)] = connection.execute(statement).fetchall()
        return int(number)
