"""The sidecar's memory while webhooks come in by the thousand, each for an order of its own."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from typing import TYPE_CHECKING

import aiohttp
from rich.progress import track

from tests.bench.report import out
from tests.bench.rows import Row
from tests.load.webhooks import Load, Shop

if TYPE_CHECKING:
    from tests.bench.bench import Bench

_CLIENTS = 16
_SECONDS_TO_CREDIT = 120.0
# Of what it was in the second quarter, when pools are open and caches as full as they get.
_TARGET = 1.05


def measure(bench: Bench) -> None:
    batches = bench.effort.batches
    size = bench.effort.webhooks // batches
    seconds = 0.0
    bench.memory.append((0, _sidecar_mb(bench)))
    for number in track(range(1, batches + 1), "webhooks", console=out, transient=True):
        seconds += bench.runner.run(_batch(bench, size))
        bench.memory.append((number * size, _sidecar_mb(bench)))
    sizes = [mb for _, mb in bench.memory[1:]]
    quarter = batches // 4
    measured = {
        "in the last quarter": sizes[-quarter:],
        "in the second quarter": sizes[quarter : 2 * quarter],
    }
    bench.facts[f"webhooks credited per second, {_CLIENTS} clients"] = size * batches / seconds
    title = f"the sidecar's memory, {size * batches:,} webhooks"
    bench.show(Row("memory", title, "MB", measured, {"in the second quarter": _TARGET}))


async def _batch(bench: Bench, size: int) -> float:
    """The seconds until all of them were credited. Orders are placed and paid before that."""
    settings = bench.stack.settings
    with closing(Shop(settings.database_url())) as shop:
        shop.place(size)
        async with aiohttp.ClientSession() as http:
            load = Load(http, settings, _CLIENTS)
            paid = await load.pay(shop.orders, shop.amount)
            began = time.perf_counter()
            await load.tell(paid)
            async with asyncio.timeout(_SECONDS_TO_CREDIT):
                await shop.until_completed()
    bench.credited += size
    return time.perf_counter() - began


def _sidecar_mb(bench: Bench) -> float:
    process = bench.stack.processes.find("sidecar")
    return process.memory_info().rss / 1e6 if process else 0.0
