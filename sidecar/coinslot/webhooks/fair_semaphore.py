"""Places for work of two kinds, neither of which can keep the other out."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class FairSemaphore:
    """So many at a time. Where both kinds wait, they are let in by turns."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._queues: deque[deque[asyncio.Future[None]]] = deque((deque(), deque()))
        self._new, self._left_over = self._queues

    @asynccontextmanager
    async def one(self, *, left_over: bool) -> AsyncIterator[None]:
        """For work that has just come, or for what was left over from before."""
        await self._enter(self._left_over if left_over else self._new)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, queue: deque[asyncio.Future[None]]) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        for _ in range(len(self._queues)):
            self._queues.rotate()
            waiting = self._queues[0]
            while waiting:
                turn = waiting.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1
