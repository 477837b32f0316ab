"""Those who write events, of several wallets in a transaction; some go back on it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import psycopg
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Fate = Literal["committed", "rolled back", "cut off"]
_FATES: dict[Fate, int] = {"committed": 70, "rolled back": 20, "cut off": 10}
_EMIT = "select coinslot.emit('wallet.low', %s, %s)"
# Seconds between two transactions of a writer, and how many times that once enough are there.
_PAUSE = 1.0
_SLOWLY = 5


class Writers:
    """Their memory: ids that were committed, and ids of those that were not."""

    def __init__(self, url: str, people: Sequence[str], enough: int, seed: int) -> None:
        self.committed: set[str] = set()
        self.undone: set[str] = set()
        self.counts: Counter[str] = Counter()
        self._url = url
        self._people = people
        self._enough = enough
        self._seed = seed

    async def write(self, number: int, goes_on: Callable[[], bool]) -> None:
        """As the writer of this number, until that is false."""
        rng = random.Random(f"{self._seed}/writer {number}")  # noqa: S311 - not secret
        while goes_on():
            with suppress(psycopg.OperationalError):
                await self._connected(rng, goes_on)
            await asyncio.sleep(0.2)

    async def _connected(self, rng: random.Random, goes_on: Callable[[], bool]) -> None:
        """Until somebody breaks the connection."""
        connection = await psycopg.AsyncConnection.connect(self._url)
        try:
            while goes_on():
                fate = rng.choices([*_FATES], [*_FATES.values()])[0]
                ids = await self._emitted(connection, rng)
                if fate == "cut off":
                    self._forget(fate, ids)
                    return
                if fate == "rolled back":
                    await connection.rollback()
                    self._forget(fate, ids)
                else:
                    await connection.commit()
                    self.committed |= ids
                    self.counts[fate] += 1
                slowly = _SLOWLY if len(self.committed) >= self._enough else 1
                await asyncio.sleep(rng.uniform(0, _PAUSE) * slowly)
        finally:
            await connection.close()

    async def _emitted(self, connection: psycopg.AsyncConnection, rng: random.Random) -> set[str]:
        """Events of one to three wallets, which are locked in one order by everybody."""
        ids = set()
        for user in sorted(rng.sample(self._people, rng.randint(1, 3))):
            for _ in range(rng.randint(1, 2)):
                data = Jsonb({"tokens": rng.randint(0, 9), "mark": 10})
                row = await (await connection.execute(_EMIT, [user, data])).fetchone()
                assert row is not None
                ids.add(row[0])
        return ids

    def _forget(self, fate: Fate, ids: set[str]) -> None:
        self.undone |= ids
        self.counts[fate] += 1
