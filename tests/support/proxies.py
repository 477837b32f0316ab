"""A way to another server that counts what goes through it, holds it up, or is down."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
from sanic import HTTPResponse, Request, Sanic
from sanic.response import raw

from tests.support.servers import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_OF_THE_CONNECTION = {"connection", "content-encoding", "content-length", "transfer-encoding"}


@dataclass
class Proxy:
    url: str = ""
    calls: list[str] = field(default_factory=list)
    """`POST /rest/v1/rpc/coinslot_open_payment`, in the order in which they came."""
    most_at_once: int = 0
    down: bool = False
    held: str | None = None
    """Calls whose path contains this wait until it is taken back."""
    _at_once: int = 0

    def called(self, part: str) -> int:
        return sum(part in call for call in self.calls)

    async def answer(self, request: Request, http: httpx.AsyncClient, target: str) -> HTTPResponse:
        self.calls.append(f"{request.method} {request.path}")
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            while self.held is not None and self.held in request.path:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            if self.down:
                return raw(b"", status=503)
            return await pass_on(request, http, target)
        finally:
            self._at_once -= 1


@asynccontextmanager
async def proxy(target: str) -> AsyncIterator[Proxy]:
    app = Sanic(f"proxy-{uuid4().hex[:8]}", configure_logging=False)
    app.config.TOUCHUP = app.config.AUTO_EXTEND = False
    through = Proxy()
    async with httpx.AsyncClient(timeout=60) as http:

        async def handle(request: Request, path: str = "") -> HTTPResponse:
            return await through.answer(request, http, target)

        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        app.add_route(handle, "/<path:path>", methods=methods)
        async with running(app) as url:
            through.url = url
            yield through


async def pass_on(request: Request, http: httpx.AsyncClient, target: str) -> HTTPResponse:
    """The answer of `target`, whole. Raises what `http` raises."""
    headers = {k: v for k, v in request.headers.items() if k not in {"host", "content-length"}}
    query = f"?{request.query_string}" if request.query_string else ""
    answer = await http.request(
        request.method, target + request.path + query, headers=headers, content=request.body
    )
    kept = {k: v for k, v in answer.headers.items() if k not in _OF_THE_CONNECTION}
    return raw(answer.content, status=answer.status_code, headers=kept)
