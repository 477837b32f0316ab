"""One deadline for all, and work in rounds that ends with it."""

from __future__ import annotations

import asyncio

import pytest

from coinslot.server.background_loops import BackgroundLoops
from coinslot.shutdown import Shutdown
from tests.support.servers import wait_until


class TestStopping:
    async def test_deadline_is_set_once(self) -> None:
        stopping = Shutdown(0.2)
        assert (stopping.has_begun(), stopping.left()) == (False, 0.2)
        stopping.begin()
        await asyncio.sleep(0.05)
        stopping.begin()
        assert stopping.has_begun()
        assert stopping.left() < 0.16
        await asyncio.sleep(0.2)
        assert stopping.left() == 0

    async def test_rest_ends_when_it_begins(self) -> None:
        stopping = Shutdown(1)
        assert not await stopping.within(0.01)
        resting = asyncio.create_task(stopping.within(60))
        await asyncio.sleep(0)
        stopping.begin()
        assert await asyncio.wait_for(resting, 1)

    async def test_work_is_cut_short_or_fails_as_it_would(self) -> None:
        stopping = Shutdown(1)

        async def fail() -> None:
            raise LookupError

        with pytest.raises(LookupError):
            await stopping.cutting_short(fail)
        working = asyncio.create_task(stopping.cutting_short(lambda: asyncio.sleep(60)))
        await asyncio.sleep(0)
        stopping.begin()
        await asyncio.wait_for(working, 1)


class TestLoops:
    async def test_turn_that_is_under_way_ends(self) -> None:
        done: list[str] = []

        async def work() -> None:
            done.append("begun")
            await asyncio.sleep(0.1)
            done.append("ended")

        loops = BackgroundLoops(Shutdown(5))
        loops.repeat("work", work, 0.001)
        await wait_until(lambda: "begun" in done)
        await loops.close()
        assert done[-1] == "ended"

    async def test_turn_that_takes_too_long_is_cut_short(self) -> None:
        begun = asyncio.Event()

        async def work() -> None:
            begun.set()
            await asyncio.sleep(60)

        loops = BackgroundLoops(Shutdown(0.1))
        loops.repeat("work", work, 0.001)
        await begun.wait()
        await asyncio.wait_for(loops.close(), 2)
