"""Another sidecar beside a stack's own: a process that may be asked to stop, and killed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx

from devstack.settings import ROOT
from tests.support.clusters import free_ports
from tests.support.servers import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.stacks import LocalStack


def environment(stack: LocalStack, **changes: str) -> dict[str, str]:
    """Of a process that uses the stack, with nothing from a .env of this checkout."""
    return {**os.environ, **stack.env, "COINSLOT_MODE": "test", "COLUMNS": "300", **changes}


@asynccontextmanager
async def own_server(
    stack: LocalStack, **changes: str
) -> AsyncIterator[tuple[str, subprocess.Popen[bytes]]]:
    """Its address and itself, once it is ready."""
    (port,) = free_ports(1)
    server = subprocess.Popen(  # noqa: ASYNC220 - it goes on beside the test
        [sys.executable, "-m", "coinslot", "serve"],
        env=environment(stack, COINSLOT_SIDECAR_PORT=str(port), **changes),
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        await until(lambda: answers_with(f"{url}/ready", 200))
        yield url, server
    finally:
        server.kill()
        server.wait()


async def answers_with(url: str, status: int) -> bool:
    return await status_of(url) == status


async def status_of(url: str) -> int:
    """Over a connection of its own; 0 where nobody takes it."""
    async with httpx.AsyncClient(timeout=10) as http:
        try:
            return (await http.get(url)).status_code
        except httpx.TransportError:
            return 0


async def ended(server: subprocess.Popen[bytes]) -> int:
    """Its exit code."""
    return await asyncio.to_thread(server.wait, 60)
