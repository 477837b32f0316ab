from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest_asyncio

from tests.portone_v2_shop import v2_shop, v2_sidecar
from tests.shop import Shop
from tests.stripe_shop import stripe_shop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.stacks import LocalStack

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
