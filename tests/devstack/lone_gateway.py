"""The API gateway alone: Caddy, the auth server, and somebody in PostgREST's place."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import httpx
import psutil
from sanic import HTTPResponse, Request, Sanic
from sanic.response import empty, raw

from devstack import programs
from devstack.keys import ApiKeys
from devstack.processes import Processes, Program
from devstack.settings import DevstackSettings
from tests.support.servers import running, until

KEYS = ApiKeys("a-secret-of-its-own-with-at-least-32-characters")
BODY = b"\x00\x01 not text " * 1_500_000
_METHODS = ["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT"]


@dataclass
class Upstream:
    """A server in PostgREST's place: keeps the requests that arrive, answers by the path."""

    arrived: list[Request] = field(default_factory=list)
    read_on: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self) -> Sanic[Any, Any]:
        app = Sanic(f"upstream-{uuid4().hex[:8]}", configure_logging=False)
        app.config.TOUCHUP = app.config.AUTO_EXTEND = False
        app.config.REQUEST_MAX_SIZE = 2 * len(BODY)
        app.config.REQUEST_MAX_HEADER_SIZE = 16_384
        app.add_route(self._slowly, "/slowly")
        app.add_route(self._answer, "/", methods=_METHODS, name="root")
        app.add_route(self._answer, "/<path:path>", methods=_METHODS)
        return app

    async def _answer(self, request: Request, path: str = "") -> HTTPResponse:
        self.arrived.append(request)
        if path == "gone":
            _hang_up(request)
        answers: dict[str, Callable[[], HTTPResponse]] = {
            "large": lambda: raw(BODY, content_type="application/octet-stream"),
            "zipped": lambda: raw(gzip.compress(b"[]"), headers={"content-encoding": "gzip"}),
            "nothing": lambda: empty(headers={"content-range": "*/0"}),
            "open": lambda: raw(b"[]", headers={"access-control-allow-origin": "https://a.test"}),
        }
        return answers.get(path, lambda: raw(b"[]", content_type="application/json"))()

    async def _slowly(self, request: Request) -> None:
        answer = await request.respond(content_type="text/plain")
        assert answer is not None
        await answer.send("first")
        await asyncio.wait_for(self.read_on.wait(), 10)
        await answer.send("second", end_stream=True)


@dataclass(frozen=True)
class Gateway:
    """Caddy, and the auth server without a database: API keys need none."""

    settings: DevstackSettings

    @asynccontextmanager
    async def postgrest(self, upstream: Upstream) -> AsyncIterator[str]:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", self.settings.postgrest_port))
        async with running(upstream.app(), sock) as url:
            yield url
        await until(self._has_left_postgrest)

    async def _has_left_postgrest(self) -> bool:
        """The next upstream is at the same port: what is sent to the one before is lost."""
        found = await asyncio.to_thread(self.process.net_connections, "tcp")
        return all(each.raddr[1:] != (self.settings.postgrest_port,) for each in found)

    @property
    def processes(self) -> Processes:
        return Processes(self.settings.devstack_dir)

    @property
    def process(self) -> psutil.Process:
        process = self.processes.find("api")
        assert process is not None
        return process

    async def start(self, name: str) -> None:
        program = self._program(name)
        self.processes.start(program)
        await asyncio.to_thread(self.processes.wait_ready, program)

    async def stop(self, name: str) -> None:
        await asyncio.to_thread(self.processes.stop, self._program(name))

    def _program(self, name: str) -> Program:
        services = programs.services(self.settings, KEYS, None)
        [program] = [each for each in services if each.name == name]
        return program if name == "api" else replace(program, ready=self._refuses_who_has_no_key)

    def _refuses_who_has_no_key(self) -> bool:
        try:
            return httpx.get(self.settings.auth_url, trust_env=False).status_code == 401
        except httpx.TransportError:
            return False


def _hang_up(request: Request) -> None:
    transport: Any = request.transport
    transport.abort()
