"""So many at a time, and neither kind of work keeps the other out."""

from __future__ import annotations

import asyncio

import pytest

from coinslot.webhooks.fair_semaphore import FairSemaphore


async def test_no_more_than_there_are_places() -> None:
    places, inside, most = FairSemaphore(3), 0, 0

    async def work(number: int) -> None:
        nonlocal inside, most
        async with places.one(left_over=number % 2 == 0):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(work(number) for number in range(50)))
    assert (most, inside) == (3, 0)


@pytest.mark.parametrize("left_over", [False, True])
async def test_a_queue_of_one_kind_lets_the_other_in_between(left_over: bool) -> None:
    places, order = FairSemaphore(1), list[str]()

    async def work(name: str, *, left_over: bool) -> None:
        async with places.one(left_over=left_over):
            order.append(name)
            await asyncio.sleep(0)

    many = [work("many", left_over=not left_over) for _ in range(20)]
    await asyncio.gather(*many, work("one", left_over=left_over))
    assert order.index("one") <= 2


async def test_nobodys_queue_keeps_others_waiting() -> None:
    places, order = FairSemaphore(1), list[str]()

    async def work(owner: str) -> None:
        async with places.one(left_over=False, owner=owner):
            order.append(owner)
            await asyncio.sleep(0)

    many = [work(owner) for owner in ("forger", "accomplice") for _ in range(20)]
    await asyncio.gather(*many, work("stranger"))
    assert order.index("stranger") <= 3


async def test_whoever_has_no_place_is_next() -> None:
    places, order = FairSemaphore(8), list[str]()

    async def work(owner: str) -> None:
        async with places.one(left_over=False, owner=owner):
            order.append(owner)
            await asyncio.sleep(0.001)

    many = [work(f"forger {number % 8}") for number in range(80)]
    await asyncio.gather(*many, work("stranger"))
    assert order.index("stranger") == 8


async def test_whoever_stops_waiting_takes_no_place_with_them() -> None:
    places = FairSemaphore(1)

    let_go = asyncio.Event()

    async def hold() -> None:
        async with places.one(left_over=False):
            await let_go.wait()
        # It has just been given its place, and does not know it yet.
        waiting[1].cancel()

    async def wait() -> None:
        async with places.one(left_over=True):
            pass

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    let_go.set()
    await asyncio.gather(holding, *waiting, return_exceptions=True)
    assert [task.cancelled() for task in waiting] == [True, True, False]
    async with asyncio.timeout(1), places.one(left_over=False):
        pass
