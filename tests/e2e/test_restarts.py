"""PostgREST or Postgres is restarted in the middle of webhooks: what was acknowledged is credited,
what was not can be sent again, and everything is credited once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest
import pytest_asyncio

from tests.storm.world import StormStack
from tests.support.clusters import discard
from tests.support.servers import until
from tests.support.shop import Shop
from tests.support.sizes import sized
from tests.support.stacks import LocalStack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NUMBER = 12


@pytest.fixture(scope="module")
def world() -> Iterator[StormStack]:
    """A stack of its own, two sidecars of which share the work."""
    world = StormStack()
    try:
        world.up()
        yield world
    finally:
        discard(world)


@pytest_asyncio.fixture
async def shop(world: StormStack) -> AsyncIterator[Shop]:
    stack = LocalStack(world)
    async with httpx.AsyncClient(timeout=30) as http:
        shop = Shop(stack, http, stack.sign_up(), world.sidecar_urls()[0])
        yield shop
        assert await shop.rpc("coinslot_verify_ledger") == []


@contextmanager
def locked(shop: Shop, order_id: str) -> Iterator[None]:
    """Has each server that applies a payment of this order wait in the middle of it, until the
    database ends or this does."""
    connection = psycopg.connect(shop.stack.database_url)
    try:
        connection.execute("select from token_payments where order_id = %s for update", [order_id])
        yield
    finally:
        connection.close()


def in_the_middle(shop: Shop) -> bool:
    query = (
        "select 1 from pg_stat_activity where wait_event_type = 'Lock' "
        "and query like '%%apply_gateway_payment%%' and pid <> pg_backend_pid()"
    )
    return bool(shop.select(query))


async def tell(shop: Shop, order_id: str, imp_uid: str) -> bool:
    """True if it was acknowledged. Any other answer says why it was not."""
    answer = await shop.webhook(order_id, imp_uid)
    assert answer.status_code in {200, 503}, answer.text
    assert answer.status_code == 200 or answer.json()["code"] == "database_unavailable"
    return answer.status_code == 200


@pytest.mark.parametrize(
    ("what", "how"),
    [
        ("postgrest", "killed"),
        # What was taken up before is waited for as long as its lease.
        pytest.param("postgrest", "restarted", marks=pytest.mark.proof),
        pytest.param("postgres", "killed", marks=pytest.mark.proof),
        pytest.param("postgres", "restarted", marks=pytest.mark.proof),
    ],
)
async def test_nothing_that_was_acknowledged_is_lost(
    world: StormStack, shop: Shop, what: str, how: str
) -> None:
    orders = [(order_id, await shop.pay(order_id)) for order_id in await ordered(shop, NUMBER)]
    early, late = orders[: NUMBER // 2], orders[NUMBER // 2 :]
    end = world.kill if how == "killed" else world.stop
    with locked(shop, early[0][0]):
        assert all([await tell(shop, *order) for order in early])
        await shop.until(lambda: in_the_middle(shop))
        await asyncio.to_thread(end, what)
    told = asyncio.gather(*(tell(shop, *order) for order in late))
    await asyncio.sleep(0.1)
    await asyncio.to_thread(world.start, what)
    unheard = [order for order, heard in zip(late, await told, strict=True) if not heard]
    await asyncio.to_thread(world.await_all)
    # What was not acknowledged the gateway sends again.
    assert all([await tell(shop, *order) for order in unheard])
    await shop.until(lambda: shop.purchases() >= NUMBER, seconds=90)
    assert (shop.purchases(), await shop.tokens()) == (NUMBER, 5 + 10 * NUMBER)


async def ordered(shop: Shop, number: int) -> list[str]:
    return [await shop.order() for _ in range(number)]


@pytest.mark.parametrize("what", sized(["postgres"], proofs=["postgrest", "postgres"]))
async def test_order_is_made_and_paid_across_a_restart(
    world: StormStack, shop: Shop, what: str
) -> None:
    """The buyer notices a moment's wait, or is told to try again, and does."""
    order_id = await shop.order()
    imp_uid = await shop.pay(order_id)
    await asyncio.to_thread(world.kill, what)
    completing = asyncio.create_task(shop.complete(order_id, imp_uid))
    await asyncio.to_thread(world.start, what)
    first = await completing
    assert first.status_code in {200, 503}

    async def completed() -> bool:
        return (await shop.complete(order_id, imp_uid)).status_code == 200

    await until(completed)
    await asyncio.to_thread(world.await_all)
    assert (await shop.tokens(), shop.purchases()) == (15, 1)
