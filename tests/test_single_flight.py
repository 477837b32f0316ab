from __future__ import annotations

import asyncio

import pytest

from coinslot.single_flight import SingleFlight


class Work:
    """Counts its runs; each waits until it is let go."""

    def __init__(self) -> None:
        self.runs = 0
        self.may_end = asyncio.Event()

    async def __call__(self) -> int:
        self.runs += 1
        run = self.runs
        await self.may_end.wait()
        return run


async def test_late_comers_share_a_run_that_began_after_they_asked() -> None:
    coalescer, work = SingleFlight[int](), Work()
    first = asyncio.create_task(coalescer.run("order", work))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    late = [asyncio.create_task(coalescer.run("order", work)) for _ in range(50)]
    await asyncio.sleep(0)
    work.may_end.set()
    assert await first == 1
    assert set(await asyncio.gather(*late)) == {2}
    assert work.runs == 2


async def test_other_keys_do_not_wait() -> None:
    coalescer, work = SingleFlight[int](), Work()
    waiting = asyncio.create_task(coalescer.run("a", work))
    assert await coalescer.run("b", lambda: asyncio.sleep(0, 7)) == 7
    work.may_end.set()
    await waiting


async def test_failure_reaches_all_who_share_it_and_nobody_after() -> None:
    coalescer = SingleFlight[int]()

    async def fail() -> int:
        await asyncio.sleep(0)
        raise ValueError

    results = await asyncio.gather(
        *(coalescer.run("order", fail) for _ in range(3)), return_exceptions=True
    )
    assert [type(result) for result in results] == [ValueError] * 3
    assert await coalescer.run("order", lambda: asyncio.sleep(0, 1)) == 1


async def test_caller_who_leaves_does_not_end_the_run_of_others() -> None:
    coalescer, work = SingleFlight[int](), Work()
    leaving = asyncio.create_task(coalescer.run("order", work))
    staying = asyncio.create_task(coalescer.run("order", work))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    work.may_end.set()
    assert await staying == 1


async def test_drained_once_what_nobody_waits_for_has_ended() -> None:
    coalescer, work = SingleFlight[int](), Work()
    callers = [asyncio.create_task(coalescer.run("order", work)) for _ in range(2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    callers.append(asyncio.create_task(coalescer.run("order", work)))
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    draining = asyncio.create_task(coalescer.drain(5))
    await asyncio.sleep(0)
    assert not draining.done()
    work.may_end.set()
    assert await draining == 0
    assert work.runs == 2


async def test_drain_waits_no_longer_than_it_may() -> None:
    coalescer, work = SingleFlight[int](), Work()
    caller = asyncio.create_task(coalescer.run("order", work))
    await asyncio.sleep(0)
    assert await coalescer.drain(0.01) == 1
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await coalescer.drain(0.01) == 0
