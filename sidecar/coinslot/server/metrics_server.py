"""Metrics on a port of their own, out of reach of whoever may call the routes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, start_http_server

from coinslot.metrics import REGISTRY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from prometheus_client.registry import Collector

    from coinslot.settings.deployment import Settings

log = structlog.get_logger(__name__)


@asynccontextmanager
async def metrics_served(settings: Settings, *besides: Collector) -> AsyncIterator[None]:
    """Serves the process's counters and `besides` while this lasts; nothing without a port.

    By a thread, so that a scrape keeps no request waiting. Payments go on where the port is taken:
    that nobody watches them is an alarm at whoever does, and no reason to take none.
    """
    port = settings.coinslot_metrics_port
    if port is None:
        yield
        return
    shown = CollectorRegistry()
    for collector in (REGISTRY, *besides):
        shown.register(collector)
    try:
        server, thread = start_http_server(port, settings.coinslot_metrics_host, shown)
    except OSError as error:
        log.error("metrics_off", port=port, error=str(error))  # noqa: TRY400 - says it all
        yield
        return
    log.info("metrics_on", port=server.server_port)
    try:
        yield
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()
