"""Real servers inside a test's own event loop, each on a free port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sanic import Sanic

# Seconds until what is waited for will never come. A slow machine is no fault.
PATIENCE = 60.0


@asynccontextmanager
async def running(
    app: Sanic[Any, Any],
    sock: socket.socket | None = None,
    protocol: type[asyncio.Protocol] | None = None,
) -> AsyncIterator[str]:
    """Serves `app`; yields its base address."""
    sock = sock or listening_socket()
    server: Any = await app.create_server(
        sock=sock, protocol=protocol, return_asyncio_server=True, access_log=False
    )
    assert server is not None
    await server.startup()
    await server.before_start()
    await server.after_start()
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        await server.before_stop()
        await server.close()
        # A client that keeps its connection must not go on talking to what is closed.
        for connection in list(server.connections):
            connection.abort()
        await server.after_stop()


def listening_socket() -> socket.socket:
    """Bound already, so that its address can be told to others before anybody listens."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


def address(sock: socket.socket) -> str:
    return f"http://127.0.0.1:{sock.getsockname()[1]}"


async def wait_until(holds: Callable[[], bool], seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - somebody else's doing
            await asyncio.sleep(0.01)


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = PATIENCE) -> None:
    """Of what another process does, and has to be asked about."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.02)


async def answer_to_too_much(send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """The server answers and hangs up on the rest of the body, and the reset may overtake the
    answer: then the client asks again."""
    for _ in range(20):
        with contextlib.suppress(httpx.ReadError, httpx.WriteError):
            return await send()
    raise TimeoutError
