"""An app's endpoint on loopback, with the faults that endpoints have, and what it was told."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sanic import HTTPResponse, Request, Sanic
from sanic.response import empty, redirect, text
from standardwebhooks import Webhook

from tests.support.servers import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@dataclass
class Receiver:
    """`verified` holds the events in the order of their arrival, each as often as it came."""

    url: str = ""
    secrets: list[str] = field(default_factory=list)
    verified: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    forged: int = 0
    answer: Callable[[dict[str, Any]], HTTPResponse] | None = None
    stall_s: float = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def of(self, user_id: str) -> list[dict[str, Any]]:
        return [each for each in self.verified if each["data"].get("user_id") == user_id]

    def types(self, user_id: str) -> list[str]:
        return [each["type"] for each in self.of(user_id)]

    async def until(self, holds: Callable[[], bool], seconds: float = 30) -> None:
        """Waits for events until that is so."""
        async with asyncio.timeout(seconds):
            while not holds():
                self.arrived.clear()
                await self.arrived.wait()

    async def take(self, request: Request) -> HTTPResponse:
        event = self._verified(request)
        if event is None:
            self.forged += 1
            return empty(401)
        if self.stall_s:
            await asyncio.sleep(self.stall_s)
        answer = self.answer(event) if self.answer else text("thanks")
        self.verified.append(event)
        self.headers.append(dict(request.headers))
        self.arrived.set()
        return answer

    def _verified(self, request: Request) -> dict[str, Any] | None:
        for secret in self.secrets:
            try:
                event: dict[str, Any] = Webhook(secret).verify(request.body, dict(request.headers))
            except Exception:  # noqa: BLE001, S112 - of another secret
                continue
            return event
        return None


async def _moved(_request: Request) -> HTTPResponse:
    return redirect("/hooks", status=307)


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    app = Sanic(f"receiver-{uuid4().hex[:8]}", configure_logging=False)
    app.config.TOUCHUP = False
    app.config.MOTD = False
    found = Receiver()
    app.add_route(found.take, "/hooks", methods=["POST"])
    app.add_route(_moved, "/moved", methods=["POST"])
    async with running(app) as url:
        found.url = f"{url}/hooks"
        yield found
