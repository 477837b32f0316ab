from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest_asyncio

from sidecar.server import create_app
from tests.support.servers import running
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture(scope="module")
async def alone() -> AsyncIterator[httpx.AsyncClient]:
    """A sidecar whose database and gateway are both down."""
    app = create_app(settings(coinslot_body_limit=2048))
    async with running(app) as url, httpx.AsyncClient(base_url=url) as http:
        yield http
