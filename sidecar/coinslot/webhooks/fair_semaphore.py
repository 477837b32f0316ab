"""Places for work of two kinds, neither of which can keep the other out.

Nor can anybody's work of a kind keep out that of others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


Turn: TypeAlias = "asyncio.Future[None]"


class Queues:
    """A queue for each owner; they take turns."""

    def __init__(self) -> None:
        self._by_owner: dict[str, deque[Turn]] = {}

    def put(self, owner: str, turn: Turn) -> None:
        self._by_owner.setdefault(owner, deque()).append(turn)

    def next(self) -> Turn | None:
        """The first in the queue of the owner whose turn it is, if anybody still waits."""
        while self._by_owner:
            owner = next(iter(self._by_owner))
            queue = self._by_owner.pop(owner)
            turn = queue.popleft()
            if queue:
                self._by_owner[owner] = queue  # behind all others
            if not turn.done():
                return turn
        return None


class FairSemaphore:
    """So many at a time. Where both kinds wait, they are let in by turns; so are their owners."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._queues = deque((Queues(), Queues()))
        self._new, self._left_over = self._queues

    @asynccontextmanager
    async def one(self, *, left_over: bool, owner: str = "") -> AsyncIterator[None]:
        """For work that has just come, or for what was left over from before."""
        await self._enter(self._left_over if left_over else self._new, owner)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, queues: Queues, owner: str) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        queues.put(owner, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        for _ in range(len(self._queues)):
            self._queues.rotate()
            if turn := self._queues[0].next():
                turn.set_result(None)
                return
        self._free += 1
