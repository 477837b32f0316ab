"""A Toss Payments simulator and clients for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest_asyncio

from coinslot.gateways.http import GatewayHttp
from coinslot.gateways.toss.adapter import Toss
from simulators.app import create_app
from simulators.registry import SimulatorSettings
from simulators.toss.simulator import TossSimulator
from tests.support.servers import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CLIENT_KEY, SECRET_KEY = "test_ck_sandbox", "test_sk_sandbox"
FRONTEND = "http://shop.test:3000"


@dataclass(frozen=True)
class SimulatedToss:
    """The simulator's own object beside its address: tests look into it, clients only call it."""

    simulator: TossSimulator
    url: str
    http: httpx.AsyncClient

    async def control(self, method: str, path: str, /, **body: object) -> Any:  # noqa: ANN401
        response = await self.http.request(method, f"{self.url}/_sim/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def pay(self, order_id: str, amount: float = 5000, **turn: object) -> str:
        """The buyer's turn, agreed but not confirmed; returns the payment key."""
        turn.setdefault("webhook", "none")
        carried = await self.control("POST", "pay", order_id=order_id, amount=amount, **turn)
        return str(carried["paymentKey"])

    async def call(
        self, method: str, path: str, body: object = None, /, **headers: str
    ) -> httpx.Response:
        """As a merchant's server; header names with underscores."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(
            method, f"{self.url}/v1/payments{path}", json=body, auth=(SECRET_KEY, ""), headers=given
        )

    async def confirm(
        self, key: str, order_id: str, amount: float = 5000, /, **headers: str
    ) -> httpx.Response:
        body = {"paymentKey": key, "orderId": order_id, "amount": amount}
        return await self.call("POST", "/confirm", body, **headers)

    async def paid(self, order_id: str, amount: float = 5000, **turn: object) -> str:
        """A confirmed payment, its deposit made where it is one."""
        key = await self.pay(order_id, amount, **turn)
        confirmed = await self.confirm(key, order_id, amount)
        if confirmed.json()["status"] == "WAITING_FOR_DEPOSIT":
            await self.control("POST", "deposit", payment_key=key)
        return key

    async def cancel(self, key: str, /, **body: object) -> httpx.Response:
        return await self.call("POST", f"/{key}/cancel", {"cancelReason": "x", **body})

    async def fault(self, kind: str, **plan: object) -> None:
        await self.control("PUT", "faults", kind=kind, **plan)

    def gateway(
        self, *, timeout: float = 5, secret_key: str = SECRET_KEY, url: str | None = None
    ) -> Toss:
        http = GatewayHttp(self.http, url or self.url, timeout)
        return Toss(http, client_key=CLIENT_KEY, secret_key=secret_key, frontend_url=FRONTEND)


def answering(status: int, body: bytes) -> Toss:
    """A client of something that answers everything the same."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
    http = GatewayHttp(httpx.AsyncClient(transport=transport), "http://toss.test", 5)
    return Toss(http, client_key="test_ck_x", secret_key="test_sk_x", frontend_url="http://x")


@pytest_asyncio.fixture(scope="module")
async def simulated_toss() -> AsyncIterator[SimulatedToss]:
    app = create_app(SimulatorSettings(toss_secret_key=SECRET_KEY))
    found = [each for each in app.ctx.simulators if isinstance(each, TossSimulator)]
    async with running(app) as url, httpx.AsyncClient() as http:
        yield SimulatedToss(found[0], f"{url}/toss", http)


@pytest_asyncio.fixture
async def toss(simulated_toss: SimulatedToss) -> SimulatedToss:
    """A simulator that knows nothing yet and sends no webhooks by itself."""
    await simulated_toss.control("POST", "reset")
    await simulated_toss.control("PUT", "settings", enabled=False, retries=0)
    return simulated_toss
