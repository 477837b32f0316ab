"""One run per key at a time, and one more for everybody who asked meanwhile.

Whoever arrives while a run is under way may know something that it has already missed (a webhook
says paid after the gateway was read), so it is served by the next run, which all such share.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

T = TypeVar("T")


class SingleFlight(Generic[T]):
    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[T]] = {}
        self._next: dict[Hashable, asyncio.Task[T]] = {}

    async def run(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """The result of a run of `work` that began after this call. Its errors are shared too."""
        task = self._next.get(key)
        if task is None:
            task = asyncio.create_task(self._after(self._running.get(key), key, work))
            self._next[key] = task
        # A client that hangs up must not cancel what others wait for.
        return await asyncio.shield(task)

    def is_running(self, key: Hashable) -> bool:
        return key in self._running or key in self._next

    async def drain(self, seconds: float) -> int:
        """Lets what is under way end, also where nobody waits for it any more. What takes longer is
        cancelled; how many runs that were."""
        if under_way := self._under_way():
            await asyncio.wait(under_way, timeout=seconds)
        unfinished = self._under_way()
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        return len(unfinished)

    def _under_way(self) -> set[asyncio.Task[T]]:
        return {*self._running.values(), *self._next.values()}

    async def _after(
        self, previous: asyncio.Task[T] | None, key: Hashable, work: Callable[[], Awaitable[T]]
    ) -> T:
        if previous is not None:
            await asyncio.wait([previous])
        mine = self._next.pop(key)
        self._running[key] = mine
        try:
            return await work()
        finally:
            if self._running.get(key) is mine:
                del self._running[key]
