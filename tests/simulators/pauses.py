"""A call that a simulator holds up, and others that arrive meanwhile."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest


class Pause:
    """A pause in one module of a simulator. It ends when the others have their answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
        self._reached = asyncio.Event()
        self._over = asyncio.Event()
        monkeypatch.setattr(f"{module}.asyncio", SimpleNamespace(sleep=self._sleep))

    async def _sleep(self, seconds: float) -> None:
        if seconds:
            self._reached.set()
            await self._over.wait()

    async def race(self, call: Callable[[], Awaitable[Any]], others: int) -> list[Any]:
        """The answer of the call that was held up, then those, or the errors, of the others."""
        first = asyncio.ensure_future(call())
        await self._reached.wait()
        answers = await asyncio.gather(*(call() for _ in range(others)), return_exceptions=True)
        self._over.set()
        return [await first, *answers]
