"""Work that a server does again and again beside its requests, until it stops."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from structlog.contextvars import bind_contextvars

from coinslot.errors import CoinslotError
from coinslot.jitter import about
from coinslot.metrics import RUNS, expect_work

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from coinslot.shutdown import Shutdown

log = structlog.get_logger(__name__)


class BackgroundLoops:
    """Repeated work. A turn that fails waits for the next; nothing depends on one turn."""

    def __init__(self, shutdown: Shutdown) -> None:
        self._shutdown = shutdown
        self._tasks: list[asyncio.Task[None]] = []

    def repeat(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        seconds: float,
        *,
        at_once: bool = False,
    ) -> None:
        """The jitter keeps servers from all coming at once."""
        expect_work(name)
        wait = 0.0 if at_once else about(seconds)
        self._tasks.append(asyncio.create_task(self._run(name, work, seconds, wait)))

    async def close(self) -> None:
        """Lets the turns that are under way end, as far as there is time."""
        self._shutdown.begin()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._shutdown.left())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(
        self, name: str, work: Callable[[], Awaitable[object]], seconds: float, wait: float
    ) -> None:
        bind_contextvars(work=name)  # of this task alone
        while not await self._shutdown.within(wait):
            wait, result = about(seconds), "failed"
            try:
                await work()
                result = "done"
            except CoinslotError as error:
                log.warning("repeated_work_failed", code=error.code)
            except Exception:
                log.exception("repeated_work_failed")
            RUNS.labels(name, result).inc()
