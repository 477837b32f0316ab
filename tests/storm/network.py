"""The way from the gateways to the sidecars: it balances the load, and in a storm it doubles
webhooks, holds them up so that others overtake them, loses them, and forges. Where it is `silent`,
it loses all of them."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

import httpx
from sanic import HTTPResponse, Request, Sanic
from sanic.response import empty

from coinslot.http_client import HttpClient
from tests.support.servers import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.storm.journal import Journal

Fate = Literal["delivered", "doubled", "dropped", "refused", "delayed", "forged"]

_FATES: dict[Fate, int] = {
    "delivered": 58,
    "doubled": 12,
    "dropped": 10,
    "refused": 4,
    "delayed": 10,
    "forged": 6,
}
_OWN_HEADERS = {"host", "content-length", "connection", "accept-encoding"}


class Network:
    def __init__(self, sidecars: list[str], journal: Journal, seed: int) -> None:
        self.calm = False
        self.silent = False
        self._sidecars = sidecars
        self._journal = journal
        self._rng = random.Random(f"{seed}/network")  # noqa: S311
        self._http = HttpClient(timeout=15)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """The address that the gateways know."""
        app = Sanic(f"network-{uuid4().hex[:8]}", configure_logging=False)
        app.config.AUTO_EXTEND = False
        app.config.TOUCHUP = False
        app.add_route(self._carry, "/payment/<gateway:str>/webhook", methods=["POST"])
        async with self._http, running(app) as url:
            yield url

    async def _carry(self, request: Request, gateway: str) -> HTTPResponse:
        if self.silent:
            return empty(200)
        fates: list[Fate] = ["delivered"] if self.calm else list(_FATES)
        fate = self._rng.choices(fates, None if self.calm else list(_FATES.values()))[0]
        self._journal.count("webhooks", fate)
        if fate == "dropped":
            return empty(200)
        if fate == "refused":
            return empty(503)
        if fate == "delayed":
            await asyncio.sleep(self._rng.uniform(0.3, 4))
        if fate == "forged":
            await self._forge(request, gateway)
        copies = 2 if fate == "doubled" else 1
        statuses = await asyncio.gather(
            *(self._deliver(request, request.body) for _ in range(copies))
        )
        return empty(statuses[0])

    async def _deliver(self, request: Request, body: bytes) -> int:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _OWN_HEADERS}
        url = self._rng.choice(self._sidecars) + request.path
        try:
            answer = await self._http.post(url, content=body, headers=headers)
        except httpx.HTTPError:
            return 502
        if answer.status_code == 500:
            self._journal.wrong.append(f"500 for a webhook: {answer.text[:200]}")
        return answer.status_code

    async def _forge(self, request: Request, gateway: str) -> None:
        """Another order's name on it, or another amount; what is signed then is so no more."""
        forged = self._forgery(request.body)
        signed = "stripe-signature" in request.headers or "webhook-signature" in request.headers
        status = await self._deliver(request, forged)
        if signed and forged != request.body and status < 300:
            self._journal.wrong.append(f"a forged webhook of {gateway} was answered {status}")

    def _forgery(self, body: bytes) -> bytes:
        others = [each.order_id for each in self._journal.bought if each.order_id]
        other = self._rng.choice(others) if others else "ord_0123456789abcdef"
        return json.dumps(_altered(json.loads(body), other)).encode()


def _altered(value: object, order_id: str) -> object:
    """Every order id is `order_id`, every amount a million, every state one that says paid."""
    if isinstance(value, dict):
        return {name: _altered_field(name, each, order_id) for name, each in value.items()}
    if isinstance(value, list):
        return [_altered(each, order_id) for each in value]
    return order_id if isinstance(value, str) and value.startswith("ord") else value


def _altered_field(name: str, value: object, order_id: str) -> object:
    if name == "status" and value in {"ready", "failed", "cancelled", "CANCELED", "EXPIRED"}:
        return "DONE" if str(value).isupper() else "paid"
    if "amount" in name.lower() and isinstance(value, int):
        return 1_000_000
    return _altered(value, order_id)
