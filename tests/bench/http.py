"""A client light enough not to be what is measured: requests that are bytes already, answers that
are read by httptools and not looked at."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import httptools

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


class Connection(asyncio.Protocol):
    """One that is kept open; one request at a time."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Answer] | None = None
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    async def ask(self, request: bytes) -> Answer:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed before it answered"))

    # ---- what the parser calls ----

    def on_message_begin(self) -> None:
        self._body = b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        self._parser = httptools.HttpResponseParser(self)
        if self._answer and not self._answer.done():
            self._answer.set_result(Answer(status, self._body))


def request(
    method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> bytes:
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    lines = [f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or method != "GET":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def connect(url: str) -> Connection:
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, parts.hostname or "", parts.port or 80)
    return connection


async def expect(connection: Connection, asked: bytes) -> bytes:
    """The body of an answer that is no refusal."""
    answer = await connection.ask(asked)
    if answer.status not in {200, 204}:
        message = f"answered {answer.status}: {answer.body.decode()}"
        raise RuntimeError(message)
    return answer.body


Act = Callable[[Connection], Awaitable[None]]
"""An act that a client does over and over."""


@dataclass
class Load:
    """Clients that each wait for an answer before they ask again."""

    url: str
    clients: int
    done: int = 0
    seconds: list[float] = field(default_factory=list)
    """That each took, over all turns."""

    async def turn(self, act: Act, seconds: float) -> float:
        """The rate of `act` a second, in so much time."""
        connections = [await connect(self.url) for _ in range(self.clients)]
        began = time.perf_counter()
        before, until = self.done, began + seconds
        await asyncio.gather(*(self._client(each, act, until) for each in connections))
        took = time.perf_counter() - began
        for connection in connections:
            connection.close()
        return (self.done - before) / took

    async def _client(self, connection: Connection, act: Act, until: float) -> None:
        began = time.perf_counter()
        while began < until:
            await act(connection)
            self.done += 1
            now = time.perf_counter()
            self.seconds.append(now - began)
            began = now


_keys = itertools.count()


def new_key() -> str:
    """As long as a UUID, and used by nobody in this run."""
    return f"{next(_keys):036x}"
