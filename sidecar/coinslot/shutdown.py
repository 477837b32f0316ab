"""One deadline for everything that has to end when a server stops."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Shutdown:
    """Begins once, by the signal to stop. Work under way then has `seconds` to end."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun = asyncio.Event()
        self._until = 0.0

    def has_begun(self) -> bool:
        return self._begun.is_set()

    def begin(self) -> None:
        if not self.has_begun():
            self._until = time.monotonic() + self._seconds
            self._begun.set()

    def left(self) -> float:
        """Seconds until the deadline, which is as far away as ever until it has begun."""
        return max(self._until - time.monotonic(), 0.0) if self.has_begun() else self._seconds

    async def within(self, seconds: float) -> bool:
        """Rests for so many seconds, between two rounds. True if the shutdown began meanwhile."""
        try:
            await asyncio.wait_for(self._begun.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def cutting_short(self, work: Callable[[], Awaitable[object]]) -> None:
        """Runs `work`, and leaves it where it is when the server stops."""
        working = asyncio.ensure_future(work())
        begun = asyncio.create_task(self._begun.wait())
        try:
            await asyncio.wait((working, begun), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            working.cancel()
            begun.cancel()
            await asyncio.gather(working, begun, return_exceptions=True)
