"""Which calls to a gateway are made a second time, after how long, and for how long in all."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sanic import HTTPResponse, Request, Sanic
from sanic.response import json

from coinslot.errors import GatewayTimeout, GatewayUnavailable
from coinslot.gateways import http
from coinslot.gateways.http import GatewayHttp, patiently
from coinslot.http_client import HttpClient
from tests.support.servers import address, listening_socket, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch, impatient: None) -> None:
    """As it is outside of the other tests here."""
    monkeypatch.setattr(http, "TRIES", 2)


class Gateway:
    """Fails with these statuses, one after the other, then answers."""

    def __init__(self, *statuses: int, **headers: str) -> None:
        self.statuses = list(statuses)
        self.headers = headers
        self.came: list[float] = []

    async def answer(self, _request: Request) -> HTTPResponse:
        self.came.append(time.monotonic())
        if not self.statuses:
            return json({"well": True})
        return json({}, status=self.statuses.pop(0), headers=self.headers)

    def app(self) -> Sanic[Any, Any]:
        app = Sanic(f"gateway-{uuid4().hex[:8]}", configure_logging=False)
        app.config.TOUCHUP = app.config.AUTO_EXTEND = False
        app.add_route(self.answer, "/pay", methods=["GET", "POST"])
        return app


@asynccontextmanager
async def at(gateway: Gateway, seconds: float = 5) -> AsyncIterator[GatewayHttp]:
    async with running(gateway.app()) as url, HttpClient() as client:
        yield GatewayHttp(client, url, seconds)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_read_that_fails_is_made_once_more(status: int) -> None:
    gateway = Gateway(status)
    async with at(gateway) as gate:
        assert (await gate.request("GET", "/pay")).status_code == 200
        first, second = gateway.came
        assert 0.1 <= second - first < 2
        gateway.statuses = [status, status]
        with pytest.raises(GatewayUnavailable):
            await gate.request("GET", "/pay")
    assert len(gateway.came) == 4


async def test_write_is_made_once_unless_it_may_be_repeated() -> None:
    gateway = Gateway(503)
    async with at(gateway) as gate:
        with pytest.raises(GatewayUnavailable):
            await gate.request("POST", "/pay", json={})
        assert len(gateway.came) == 1
        gateway.statuses = [503]
        answer = await gate.request("POST", "/pay", repeatable=True, json={})
        assert (answer.status_code, len(gateway.came)) == (200, 3)
        gateway.statuses = [503]
        assert (await gate.answer("POST", "/pay", json={})).status_code == 503
        assert len(gateway.came) == 4


async def test_asks_again_when_the_gateway_says() -> None:
    gateway = Gateway(429, **{"Retry-After": "1"})
    async with at(gateway) as gate:
        await gate.request("GET", "/pay")
    first, second = gateway.came
    assert second - first >= 1


@pytest.mark.parametrize("asked", ["5", "99999", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1e9"])
async def test_does_not_wait_for_longer_than_the_whole_call_may_take(asked: str) -> None:
    gateway = Gateway(503, 503, **{"Retry-After": asked})
    began = time.monotonic()
    async with at(gateway, seconds=2) as gate:
        with pytest.raises(GatewayUnavailable):
            await gate.request("GET", "/pay")
    assert time.monotonic() - began < 2
    assert len(gateway.came) == (1 if asked.isdigit() else 2)


async def test_patience_waits_as_long_as_it_is_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coinslot.gateways.http.PATIENT_ATTEMPTS", 2)
    gateway = Gateway(503, **{"Retry-After": "2"})
    async with at(gateway, seconds=1) as gate:
        await patiently(lambda: gate.request("GET", "/pay"))
    first, second = gateway.came
    assert second - first >= 2


async def test_both_tries_together_have_one_bound() -> None:
    began = time.monotonic()
    with listening_socket() as silent:
        silent.listen()
        async with HttpClient() as client:
            with pytest.raises(GatewayTimeout):
                await GatewayHttp(client, address(silent), 0.5).request("GET", "/pay")
    assert time.monotonic() - began < 1.5


async def test_gateway_that_could_not_be_reached_has_heard_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So whatever moves money may be asked for again."""
    monkeypatch.setattr("coinslot.gateways.http._SHORTEST_PAUSE", 1.0)
    monkeypatch.setattr("coinslot.gateways.http._LONGEST_PAUSE", 1.0)
    sock, gateway = listening_socket(), Gateway()
    async with HttpClient() as client:
        gate = GatewayHttp(client, address(sock), 5)
        asking = asyncio.create_task(gate.answer("POST", "/pay", json={}))
        await asyncio.sleep(0.1)
        async with running(gateway.app(), sock):
            assert (await asking).status_code == 200
    assert len(gateway.came) == 1
