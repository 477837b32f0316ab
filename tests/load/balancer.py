"""A balancer before several sidecars: round robin among those whose `/ready` says yes."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
from sanic import HTTPResponse, Request, Sanic
from sanic.response import json

from coinslot.http_client import HttpClient
from tests.support.proxies import pass_on
from tests.support.servers import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECONDS_BETWEEN_LOOKS = 0.25


class Balancer:
    def __init__(self, replicas: list[str]) -> None:
        self._replicas = replicas
        self._ready = set(replicas)
        self._turns = itertools.cycle(replicas)
        self._http = HttpClient(limit=0, timeout=60)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """The address that buyers and gateways know."""
        app = Sanic(f"balancer-{uuid4().hex[:8]}", configure_logging=False)
        app.config.AUTO_EXTEND = app.config.TOUCHUP = False
        app.add_route(self._carry, "/<path:path>", methods=["GET", "POST"])
        looking = asyncio.create_task(self._look())
        try:
            async with self._http, running(app) as url:
                yield url
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    async def _carry(self, request: Request, path: str) -> HTTPResponse:  # noqa: ARG002
        """One that takes no connection has heard nothing, so the other is asked. What was cut off
        in the middle is for the client to repeat."""
        for _ in self._replicas:
            replica = next(self._turns)
            if replica not in self._ready:
                continue
            try:
                return await pass_on(request, self._http, replica)
            except httpx.ConnectError:
                self._ready.discard(replica)
            except httpx.HTTPError:
                return json({"error": "Cut off in the middle", "code": "cut_off"}, status=502)
        return json({"error": "No server is ready", "code": "none_ready"}, status=503)

    async def _look(self) -> None:
        while True:
            for replica in self._replicas:
                if await self._is_ready(replica):
                    self._ready.add(replica)
                else:
                    self._ready.discard(replica)
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    async def _is_ready(self, replica: str) -> bool:
        try:
            return (await self._http.get(f"{replica}/ready", timeout=3)).is_success
        except httpx.HTTPError:
            return False
