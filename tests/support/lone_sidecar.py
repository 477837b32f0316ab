"""A sidecar in this process whose database and gateways are down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest_asyncio

from coinslot.server.app import create_app
from tests.support.servers import running
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture(scope="module")
async def alone() -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    app = create_app(settings(coinslot_body_limit=2048))
    async with running(app) as url, httpx.AsyncClient(base_url=url) as http:
        yield http
