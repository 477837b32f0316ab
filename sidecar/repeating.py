"""Work that a server does again and again beside its requests, until it stops."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import structlog

from sidecar.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.stopping import Stopping

log = structlog.get_logger(__name__)


class Loops:
    """Whatever fails waits for its next turn; nothing depends on one."""

    def __init__(self, stopping: Stopping) -> None:
        self._stopping = stopping
        self._tasks: list[asyncio.Task[None]] = []

    def repeat(self, name: str, work: Callable[[], Awaitable[object]], seconds: float) -> None:
        self._tasks.append(asyncio.create_task(self._run(name, work, seconds)))

    async def close(self) -> None:
        """Lets the turns that are under way end, as far as there is time."""
        self._stopping.begin()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._stopping.left())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, name: str, work: Callable[[], Awaitable[object]], seconds: float) -> None:
        """The jitter keeps servers from all coming at once."""
        while not await self._stopping.within(seconds * random.uniform(0.8, 1.2)):  # noqa: S311
            try:
                await work()
            except ApiError as error:
                log.warning("repeated_work_failed", work=name, code=error.code)
            except Exception:
                log.exception("repeated_work_failed", work=name)
