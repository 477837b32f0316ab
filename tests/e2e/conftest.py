from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio

from tests.support.counters import EVERY, Counter
from tests.support.office import Office, admin_of
from tests.support.portone_v2_shop import v2_shop, v2_sidecar
from tests.support.shop import Shop
from tests.support.stripe_shop import stripe_shop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.stacks import LocalStack

__all__ = ["browser", "shop", "stripe_shop", "v2_shop", "v2_sidecar"]


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30) as http:
        yield http


@pytest_asyncio.fixture
async def shop(stack: LocalStack, browser: httpx.AsyncClient) -> AsyncIterator[Shop]:
    """A new buyer with the 5 free tokens. Whatever a test does, the books must add up after it."""
    shop = Shop(stack, browser, stack.sign_up(), stack.sidecar_url)
    yield shop
    await shop.play("faults", "PUT")
    assert await shop.rpc("verify_ledger") == []


@pytest_asyncio.fixture(scope="module", params=EVERY, ids=lambda each: each.NAME)
async def gateway(
    request: pytest.FixtureRequest, stack: LocalStack
) -> AsyncIterator[type[Counter]]:
    """Each in turn, with a sidecar that serves it."""
    async with request.param.sidecar(stack):
        yield request.param


@pytest_asyncio.fixture
async def counter(gateway: type[Counter], shop: Shop) -> AsyncIterator[Counter]:
    """Its gateway sends no webhook by itself: the tests do."""
    counter = gateway(shop)
    await counter.shop.play("settings", "PUT", enabled=False)
    yield counter
    await counter.fail(None)
    await counter.shop.play("settings", "PUT", enabled=True)


@pytest.fixture
def office(counter: Counter, shop: Shop) -> Office:
    return Office(counter, admin_of(shop))
