"""Prometheus and its tool, unpacked from Debian's package by `make`; neither is installed."""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from devstack.settings import ROOT
from tests.support.clusters import free_ports, require
from tests.support.servers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BIN = ROOT / "build/prometheus/bin"
ALERTS = ROOT / "sidecar/deploy/alerts.yml"

_CONFIG = """
global: {{scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: coinslot
    static_configs: [{{targets: ["{target}"]}}]
"""


def program(name: str) -> str:
    path = BIN / name
    require("prometheus", path.exists(), f"there is no {name} in {BIN}")
    return str(path)


def promtool(*arguments: str) -> str:
    """The words of the tool. Fails the test where it fails."""
    ended = subprocess.run(
        [program("promtool"), *arguments], capture_output=True, text=True, check=False
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, said
    return said


@dataclass(frozen=True)
class Prometheus:
    url: str

    async def ask(self, query: str) -> list[Any]:
        """The samples that a query finds now. An unknown metric is no error: it finds nothing."""
        async with httpx.AsyncClient(timeout=PATIENCE) as http:
            answer = await http.get(f"{self.url}/api/v1/query", params={"query": query})
        said = answer.json()
        assert said["status"] == "success", said
        return list(said["data"]["result"])

    async def found(self, query: str) -> list[Any]:
        """The same, once there is something to find."""
        samples: list[Any] = []
        async with asyncio.timeout(PATIENCE):
            await self._ready()
            while not samples:
                samples = await self.ask(query)
                await asyncio.sleep(0.2)
        return samples

    async def _ready(self) -> None:
        """Waits until it can be asked: it listens, and refuses queries, before it has started."""
        async with httpx.AsyncClient(timeout=PATIENCE) as http:
            while True:
                with suppress(httpx.ConnectError):
                    if (await http.get(f"{self.url}/-/ready")).is_success:
                        return
                await asyncio.sleep(0.2)


@contextmanager
def scraping(target: str, folder: Path) -> Iterator[Prometheus]:
    """A Prometheus with the shipped rules, which scrapes `host:port` twice a second."""
    (port,) = free_ports(1)
    config = folder / "prometheus.yml"
    config.write_text(_CONFIG.format(rules=ALERTS, target=target))
    argv = [
        *(program("prometheus"), f"--config.file={config}"),
        *(f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()
