"""A sidecar whose metrics are looked at while it works."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinslot.server.app import create_app
from tests.support.clusters import free_ports
from tests.support.scraping import Scrape, scrape
from tests.support.servers import PATIENCE, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from coinslot.settings.deployment import Settings


@dataclass(frozen=True)
class MonitoredSidecar:
    """A sidecar, and where its metrics are."""

    sidecar: str
    metrics: str

    async def scrape(self) -> Scrape:
        return await asyncio.to_thread(scrape, self.metrics)

    async def until(self, holds: Callable[[Scrape], bool]) -> Scrape:
        """The first scrape of which that is so."""
        async with asyncio.timeout(PATIENCE):
            while not holds(found := await self.scrape()):  # noqa: ASYNC110 - a server's
                await asyncio.sleep(0.05)
        return found


@asynccontextmanager
async def monitored(settings: Settings) -> AsyncIterator[MonitoredSidecar]:
    (port,) = free_ports(1)
    with_port = settings.model_copy(update={"coinslot_metrics_port": port})
    async with running(create_app(with_port)) as url:
        yield MonitoredSidecar(url, f"http://127.0.0.1:{port}/metrics")
