"""A server that is asked to stop finishes what it began, within its bound, and gives back the rest.

Of each the signal comes to a process of its own, in the middle of something.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from coinslot.services import opened
from tests.support.own_servers import answers_with, ended, own_server, status_of
from tests.support.servers import until
from tests.support.toss_shop import TossShop

if TYPE_CHECKING:
    import subprocess
    from collections.abc import AsyncIterator

    from tests.support.shop import Shop


@asynccontextmanager
async def confirming(shop: Shop, server: str, delay_s: float) -> AsyncIterator[asyncio.Task[int]]:
    """The status of a confirm that Toss has heard of and answers so many seconds later."""
    toss = replace(TossShop.of(shop), sidecar=server)
    order_id, key = await toss.agreed()

    async def confirm() -> int:
        async with httpx.AsyncClient(timeout=150) as http:
            return (await replace(toss, http=http).confirm(order_id, key)).status_code

    async def heard() -> bool:
        return not (await toss.play("faults", "GET"))["faults"]

    async with toss.fault("delay", delay_s=delay_s, next=1, path="/confirm"):
        answer = asyncio.create_task(confirm())
        await until(heard)
        yield answer
        await asyncio.gather(answer, return_exceptions=True)


async def told(shop: Shop, server: str, delay_s: float) -> str:
    """An order whose webhook was acknowledged, and whose read takes so many seconds."""
    order_id = await shop.order()
    imp_uid = await shop.pay(order_id)
    await shop.play("faults", "PUT", kind="delay", delay_s=delay_s, next=1, path=imp_uid)
    answer = await replace(shop, sidecar=server).webhook(order_id, imp_uid)
    assert answer.status_code == 200
    return order_id


async def no_longer_taken(url: str) -> None:
    await until(lambda: answers_with(f"{url}/health", 0))


def patient_server(
    shop: Shop,
) -> AbstractAsyncContextManager[tuple[str, subprocess.Popen[bytes]]]:
    """One that waits for longer than a test does, where it has something to wait for."""
    return own_server(shop.stack, COINSLOT_STOP_SECONDS="120")


async def stop(server: subprocess.Popen[bytes]) -> int:
    """Its exit code. Fails where that takes more than a minute."""
    server.send_signal(signal.SIGTERM)
    return await ended(server)


async def test_what_is_under_way_is_answered_and_finished(shop: Shop) -> None:
    async with own_server(shop.stack) as (url, server):
        order_id = await told(shop, url, delay_s=4)
        async with confirming(shop, url, delay_s=4) as answer:
            server.send_signal(signal.SIGTERM)
            await no_longer_taken(url)
            assert not answer.done()
            assert await answer == 200
            assert await ended(server) == 0
    assert shop.inbox(order_id) == [("credited", False)]
    assert (await shop.tokens(), shop.purchases()) == (25, 2)


async def test_what_takes_longer_than_its_bound_is_given_back(shop: Shop) -> None:
    """Due at once for any other server, which need not wait for the lease of half a minute."""
    async with own_server(shop.stack, COINSLOT_STOP_SECONDS="1") as (url, server):
        order_id = await told(shop, url, delay_s=100)
        assert await stop(server) == 0
    ((due,),) = shop.select(
        "select coalesce(next_attempt_at <= now(), true) from coinslot.webhooks "
        "where order_id = %s and (outcome = 'credited' or taken_at < now())",
        order_id,
    )
    assert due or shop.inbox(order_id) == [("credited", False)]
    async with opened(shop.settings()) as another:
        await another.inbox.work_off()
    assert await shop.followed(order_id) == ["credited"]
    assert (await shop.tokens(), shop.purchases()) == (15, 1)


async def test_says_that_it_is_stopping_before_it_takes_no_more(shop: Shop) -> None:
    async with own_server(shop.stack, COINSLOT_STOP_NOTICE_SECONDS="4") as (url, server):
        async with httpx.AsyncClient() as http:
            kept_open = await http.get(f"{url}/health")
            server.send_signal(signal.SIGTERM)
            await until(lambda: answers_with(f"{url}/ready", 503))
            answer = await http.get(f"{url}/ready")
        assert (answer.status_code, answer.json()["reasons"]) == (503, ["stopping"])
        # Whoever keeps connections open is told to make the next one elsewhere.
        assert kept_open.headers["connection"] == "keep-alive"
        assert answer.headers["connection"] == "close"
        assert await status_of(f"{url}/health") == 200
        await no_longer_taken(url)
        assert await ended(server) == 0


async def test_connection_that_is_only_kept_open_holds_up_nothing(shop: Shop) -> None:
    async with patient_server(shop) as (url, server), httpx.AsyncClient() as http:
        await http.get(f"{url}/health")
        assert await stop(server) == 0


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.proof)]
)
async def test_second_signal_ends_it_at_once(shop: Shop, number: signal.Signals) -> None:
    async with patient_server(shop) as (url, server), confirming(shop, url, delay_s=100):
        server.send_signal(number)
        await no_longer_taken(url)
        server.send_signal(number)
        assert await ended(server) == -number


async def test_idle_server_stops_at_once_and_well(shop: Shop) -> None:
    async with patient_server(shop) as (_, server):
        assert await stop(server) == 0
