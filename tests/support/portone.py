"""A PortOne V1 simulator and clients for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest_asyncio

from coinslot.gateways.http import GatewayHttp
from coinslot.gateways.portone.v1.adapter import PortOneV1
from simulators.app import create_app
from simulators.registry import SimulatorSettings
from tests.support.servers import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from simulators.portone.v1.simulator import PortOneV1Simulator

KEY, SECRET = "sandbox-key", "sandbox-secret"


@dataclass(frozen=True)
class Simulated:
    """The simulator's own object beside its address: tests look into it, clients only call it."""

    simulator: PortOneV1Simulator
    url: str
    http: httpx.AsyncClient

    async def control(self, method: str, path: str, /, **body: object) -> Any:  # noqa: ANN401
        response = await self.http.request(method, f"{self.url}/_sim/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def pay(self, order_id: str, **turn: object) -> str:
        """The buyer's turn; returns the imp_uid."""
        carried = await self.control("POST", "pay", order_id=order_id, **turn)
        return str(carried["imp_uid"])

    async def fault(self, kind: str, **plan: object) -> None:
        await self.control("PUT", "faults", kind=kind, **plan)

    def gateway(
        self, *, live: bool = False, timeout: float = 5, key: str = KEY, url: str | None = None
    ) -> PortOneV1:
        http = GatewayHttp(self.http, url or self.url, timeout)
        return PortOneV1(http, key=key, secret=SECRET, live=live)


@pytest_asyncio.fixture(scope="module")
async def simulated() -> AsyncIterator[Simulated]:
    app = create_app(SimulatorSettings(iamport_api_key=KEY, iamport_api_secret=SECRET))
    async with running(app) as url, httpx.AsyncClient() as http:
        yield Simulated(app.ctx.simulators[0], f"{url}/portone-v1", http)


@pytest_asyncio.fixture
async def sim(simulated: Simulated) -> Simulated:
    """A simulator that knows nothing yet and sends no webhooks by itself."""
    await simulated.control("POST", "reset")
    await simulated.control("PUT", "settings", enabled=False, format="json", retries=0)
    simulated.simulator.tokens.issued = 0
    return simulated
