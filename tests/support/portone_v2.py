"""A PortOne V2 simulator and clients for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest_asyncio

from coinslot.gateways.http import GatewayHttp
from coinslot.gateways.portone.v2.adapter import PortOneV2
from simulators.app import create_app
from simulators.registry import SimulatorSettings
from tests.support.servers import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from simulators.portone.v2.simulator import PortOneV2Simulator

API_SECRET, STORE, CHANNEL = "sandbox-v2-secret", "store-sandbox", "channel-key-sandbox"
SECRET = "whsec_Y29pbnNsb3QtcG9ydG9uZS12Mi1zYW5kYm94"
NEXT_SECRET = "whsec_dGhlLW5leHQtc2VjcmV0LW9mLXR3bw=="
ORDER = "ord_0123456789ab"
SAMPLES: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "gateways/portone/v2/samples.json").read_text()
)


@dataclass(frozen=True)
class SimulatedV2:
    """The simulator's own object beside its address: tests look into it, clients only call it."""

    simulator: PortOneV2Simulator
    url: str
    http: httpx.AsyncClient

    async def control(self, method: str, path: str, /, **body: object) -> Any:  # noqa: ANN401
        response = await self.http.request(method, f"{self.url}/_sim/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def pay(self, order_id: str = ORDER, **turn: object) -> str:
        """The buyer's turn; returns the transaction id."""
        carried = await self.control("POST", "pay", order_id=order_id, **{"amount": 5000, **turn})
        return str(carried["transactionId"])

    async def refused(self, what: str, **body: object) -> str:
        """The code with which the control API refuses."""
        response = await self.http.post(f"{self.url}/_sim/{what}", json=body)
        assert response.status_code == 409, response.text
        return str(response.json()["code"])

    async def fault(self, kind: str, **plan: object) -> None:
        await self.control("PUT", "faults", kind=kind, **plan)

    async def call(
        self,
        method: str,
        path: str = "",
        order_id: str = ORDER,
        headers: dict[str, str] | None = None,
        **body: object,
    ) -> tuple[int, Any]:
        """An authorized call about a payment: status and body."""
        answer = await self.http.request(
            method,
            f"{self.url}/payments/{order_id}{path}",
            headers={"Authorization": f"PortOne {API_SECRET}", **(headers or {})},
            json=body if method == "POST" else None,
        )
        return answer.status_code, answer.json()

    def gateway(
        self,
        *,
        live: bool = False,
        timeout: float = 5,
        api_secret: str = API_SECRET,
        url: str | None = None,
        webhook_secrets: Sequence[str] = (SECRET,),
    ) -> PortOneV2:
        return PortOneV2(
            GatewayHttp(self.http, url or self.url, timeout),
            api_secret=api_secret,
            store_id=STORE,
            channel_key=CHANNEL,
            webhook_secrets=webhook_secrets,
            live=live,
        )


@pytest_asyncio.fixture(scope="module")
async def simulated_v2() -> AsyncIterator[SimulatedV2]:
    app = create_app(SimulatorSettings())
    async with running(app) as url, httpx.AsyncClient() as http:
        simulator = next(s for s in app.ctx.simulators if s.prefix == "portone-v2")
        yield SimulatedV2(simulator, f"{url}/portone-v2", http)


@pytest_asyncio.fixture
async def v2(simulated_v2: SimulatedV2) -> SimulatedV2:
    """A simulator that knows nothing yet and sends no webhooks by itself."""
    await simulated_v2.control("POST", "reset")
    await simulated_v2.control(
        "PUT",
        "settings",
        enabled=False,
        format="json",
        retries=5,
        minute_s=0,
        secrets=[SECRET],
        version="2024-04-25",
        processing_s=0,
        cancels="succeeded",
    )
    return simulated_v2
