"""Places for work of two kinds, neither of which can keep the other out.

Nor can anybody's work of a kind keep out that of others.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter, deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


Turn: TypeAlias = "asyncio.Future[None]"


@dataclass(slots=True)
class Queue:
    """Of one owner. `last_turn` counts the turns of all owners; 0 = has had none."""

    turns: deque[Turn] = field(default_factory=deque)
    last_turn: int = 0


class Queues:
    """A queue for each owner.

    Next is the owner who has the fewest places, and of these the one whose last turn was longest
    ago: whoever comes for the first time waits for nobody's queue.
    """

    def __init__(self, places: Counter[str]) -> None:
        self._places = places
        self._by_owner: dict[str, Queue] = {}
        self._count = itertools.count(1)

    def put(self, owner: str, turn: Turn) -> None:
        if owner not in self._by_owner:
            # Of places that were free there was no count.
            last_turn = next(self._count) if self._places[owner] else 0
            self._by_owner[owner] = Queue(last_turn=last_turn)
        self._by_owner[owner].turns.append(turn)

    def next(self) -> tuple[str, Turn] | None:
        """The owner whose turn it is, with the first of theirs, if anybody still waits."""
        while self._by_owner:
            owner = min(self._by_owner, key=self._rank)
            queue = self._by_owner[owner]
            turn = queue.turns.popleft()
            if not queue.turns:
                del self._by_owner[owner]
            if not turn.done():
                queue.last_turn = next(self._count)
                return owner, turn
        return None

    def _rank(self, owner: str) -> tuple[int, int]:
        return self._places[owner], self._by_owner[owner].last_turn


class FairSemaphore:
    """So many at a time. Where both kinds wait, they are let in by turns."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._places: Counter[str] = Counter()
        """By owner, of those who have one."""
        self._queues = deque((Queues(self._places), Queues(self._places)))
        self._new, self._left_over = self._queues

    @asynccontextmanager
    async def one(self, *, left_over: bool, owner: str = "") -> AsyncIterator[None]:
        """For work that has just come, or for what was left over from before."""
        await self._enter(self._left_over if left_over else self._new, owner)
        try:
            yield
        finally:
            self._leave(owner)

    async def _enter(self, queues: Queues, owner: str) -> None:
        if self._free:
            self._free -= 1
            self._places[owner] += 1
            return
        turn = asyncio.get_running_loop().create_future()
        queues.put(owner, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(owner)
            raise

    def _leave(self, owner: str) -> None:
        self._places[owner] -= 1
        if not self._places[owner]:
            del self._places[owner]
        for _ in range(len(self._queues)):
            self._queues.rotate()
            if found := self._queues[0].next():
                newcomer, turn = found
                self._places[newcomer] += 1
                turn.set_result(None)
                return
        self._free += 1
