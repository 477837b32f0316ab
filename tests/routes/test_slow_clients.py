"""Clients that send slowly, or never end: they are told so and let go, and others do not notice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import pytest_asyncio

from coinslot.server.app import create_app
from coinslot.server.request_deadline import DeadlineProtocol
from tests.support.servers import running
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

SECONDS = 0.4
_PATH = "/api/payments/complete"
_HEAD = f"POST {_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Server:
    app: Any
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def send(self, begin: bytes, drip: Iterable[bytes] = (), pause: float = 0.05) -> bytes:
        """Everything that comes back until the server hangs up, which it has to. Nothing, where its
        reset overtook the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(begin)

        async def trickle() -> None:
            with contextlib.suppress(OSError):
                for piece in drip:
                    await asyncio.sleep(pause)
                    writer.write(piece)
                    await writer.drain()

        trickling = asyncio.create_task(trickle())
        try:
            async with asyncio.timeout(10):
                return await _rest(reader)
        finally:
            trickling.cancel()
            await asyncio.gather(trickling, return_exceptions=True)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def told(self, begin: bytes, drip: Iterable[bytes] = (), pause: float = 0.05) -> bytes:
        for _ in range(10):
            if answer := await self.send(begin, drip, pause):
                return answer
        raise TimeoutError


async def _rest(reader: asyncio.StreamReader) -> bytes:
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := await reader.read(4096):
            found += piece
    return found


@pytest_asyncio.fixture(scope="module")
async def server() -> AsyncIterator[Server]:
    async with _serving(SECONDS) as server:
        yield server


@contextlib.asynccontextmanager
async def _serving(seconds: float) -> AsyncIterator[Server]:
    app = create_app(
        settings(
            coinslot_request_seconds=seconds,
            coinslot_keep_alive_seconds=1,
            coinslot_body_limit=2048,
        )
    )
    async with running(app, protocol=DeadlineProtocol) as url:
        yield Server(app, url)


def refusal(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert "connection: close" in lines
    assert "x-content-type-options: nosniff" in lines
    assert any(line.startswith("x-request-id: ") for line in lines)
    said = json.loads(body)
    assert set(said) == {"error", "code"}
    return int(lines[0].split()[1]), said["code"]


SLOW = {
    "header": (b"POST /api/payments/complete HTTP/1.1\r\n", b"X"),
    "header that is a line each time": (b"GET /health HTTP/1.1\r\n", b"X: y\r\n"),
    "body": (_HEAD + b"Content-Length: 1000\r\n\r\n", b"{"),
    "chunks": (_CHUNKED, b"1\r\n{\r\n"),
    "body of a webhook": (
        b"POST /payment/portone/webhook HTTP/1.1\r\nContent-Length: 1000\r\n\r\n",
        b"{",
    ),
}


@pytest.mark.parametrize(("begin", "piece"), SLOW.values(), ids=SLOW)
async def test_that_trickles(server: Server, begin: bytes, piece: bytes) -> None:
    answer = await server.told(begin, [piece] * 150)
    assert refusal(answer) == (408, "request_timeout")


@pytest.mark.parametrize(("begin", "piece"), SLOW.values(), ids=SLOW)
async def test_that_stops(server: Server, begin: bytes, piece: bytes) -> None:
    assert refusal(await server.told(begin + piece)) == (408, "request_timeout")


async def test_that_says_nothing_is_let_go(server: Server) -> None:
    assert await server.send(b"") == b""


async def test_that_says_nothing_is_not_kept_as_one_that_did(server: Server) -> None:
    """The time for a request is `SECONDS`, that for the next one of a connection is a second."""
    began = time.monotonic()
    await server.send(b"")
    assert time.monotonic() - began < 1
    began = time.monotonic()
    assert b" 200 " in await server.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (_HEAD + b"Content-Length: 100000000\r\n\r\n", b" " * 1000),
        (_CHUNKED, b"3e8\r\n" + b" " * 1000 + b"\r\n"),
        (_CHUNKED + b"7fffffff\r\n", b" " * 1000),
    ],
    ids=["of a length that is too much", "of chunks without end", "of one chunk without end"],
)
async def test_body_without_end(server: Server, begin: bytes, piece: bytes) -> None:
    answer = await server.told(begin, [piece] * 150, pause=0.01)
    assert refusal(answer) == (413, "body_too_large")


async def test_header_without_end(server: Server) -> None:
    begin = b"GET /health HTTP/1.1\r\nX: "
    answer = await server.told(begin, [b"y" * 1000] * 150, pause=0.005)
    assert refusal(answer) == (413, "body_too_large")


async def test_rest_of_a_request_that_was_answered_already_is_not_waited_for(
    server: Server,
) -> None:
    """There is nothing at this address, which needs no body to be said."""
    begin = b"POST /nowhere HTTP/1.1\r\nContent-Length: 1000\r\n\r\n"
    answer = await server.told(begin, [b"x"] * 150)
    assert b" 404 " in answer.partition(b"\r\n")[0]


@pytest_asyncio.fixture
async def patient_server() -> AsyncIterator[Server]:
    """One whose time is enough for a quick request on a busy machine."""
    async with _serving(5 * SECONDS) as server:
        yield server


async def test_many_hold_up_nobody_and_leave_nothing(patient_server: Server) -> None:
    server = patient_server
    # A connection each: one that is kept may be closed by the server while it is being used again.
    unkept = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=server.url, limits=unkept) as http:
        slow = [
            asyncio.create_task(server.send(begin, [piece] * 150))
            for begin, piece in SLOW.values()
            for _ in range(40)
        ]
        while any(not each.done() for each in slow):
            assert (await http.get("/health", timeout=10)).status_code == 200
            await asyncio.sleep(0.02)
    answers = [answer for answer in await asyncio.gather(*slow) if answer]
    assert len(answers) > len(slow) / 2
    assert {refusal(answer) for answer in answers} == {(408, "request_timeout")}
    under_way = [task for task in asyncio.all_tasks() if "connection_task" in str(task.get_coro())]
    async with asyncio.timeout(5):
        while any(not task.done() for task in under_way):  # noqa: ASYNC110 - the server's
            await asyncio.sleep(0.05)


async def test_that_is_slow_and_in_time_is_served(server: Server) -> None:
    """Two requests on one connection, each of which takes most of the time."""
    body = b"{}"
    begin = _HEAD + b"Content-Length: 2\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for _ in range(2):
        writer.write(begin)
        for number in body:
            await asyncio.sleep(SECONDS / 4)
            writer.write(bytes([number]))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 400 " in head
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        assert json.loads(await reader.readexactly(length))["code"] == "invalid_request"
    writer.close()
    await writer.wait_closed()
