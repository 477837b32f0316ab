"""Surroundings of the AI route: the model behind it, the network between it and the database."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import httpx
from sanic import HTTPResponse, Request, Sanic
from sanic.response import raw, text

from tests.support.servers import running

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

    from tests.support.stacks import LocalStack, Person

ROOT = Path(__file__).parents[2]
COMMANDS = {
    "next": ["node", "tests/e2e/clients/serve_route.mjs"],
    "python": [sys.executable, "-m", "tests.e2e.clients.serve_route"],
}


Answer = tuple[int, Any]
"""Status and body."""


class Model:
    """A language model that answers when the test lets it, and fails when told to."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.asked: list[str] = []
        self.fails = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def generate(self, request: Request) -> HTTPResponse:
        question = request.body.decode()
        self.asked.append(question)
        answer = f"{question} ({len(self.asked)})"
        await self.may_answer.wait()
        return text("overloaded", 500) if self.fails else text(answer)


class Network:
    """Between the route and Supabase; can lose the reply to an RPC that was carried out."""

    def __init__(self, api_url: str) -> None:
        self.loses_reply_of: str | None = None
        self._http = httpx.AsyncClient(base_url=api_url, timeout=30, trust_env=False)

    async def forward(self, request: Request, path: str) -> HTTPResponse:
        kept = ("apikey", "authorization", "content-type", "prefer", "accept")
        answer = await self._http.request(
            request.method,
            f"/{path}?{request.query_string}",
            headers={name: request.headers[name] for name in kept if name in request.headers},
            content=request.body,
        )
        if self.loses_reply_of and path.endswith(self.loses_reply_of):
            self.loses_reply_of = None
            return text("upstream timed out", 504)
        kind = answer.headers.get("content-type")
        return raw(answer.content, answer.status_code, content_type=kind or "")


@dataclass(frozen=True)
class Route:
    """A process that serves the route."""

    url: str
    process: Process
    http: httpx.AsyncClient

    async def ask(self, person: Person, question: str = "why?") -> Answer:
        answer = await self.http.post(
            self.url,
            json={"question": question},
            headers={"Authorization": f"Bearer {person.token}"},
        )
        return answer.status_code, answer.json()


@asynccontextmanager
async def route_process(kind: str, env: dict[str, str]) -> AsyncIterator[Route]:
    process = await asyncio.create_subprocess_exec(
        *COMMANDS[kind],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **env},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        port = (await process.stdout.readline()).decode().strip()
        assert port.isdigit(), "the route did not start: see standard error"
        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            yield Route(f"http://127.0.0.1:{port}/", process, http)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _app(name: str) -> Sanic[Any, Any]:
    app: Sanic[Any, Any] = Sanic(f"coinslot-{name}-{uuid4().hex[:8]}", configure_logging=False)
    app.config.TOUCHUP = app.config.AUTO_EXTEND = False
    return app


class Surroundings(NamedTuple):
    model: Model
    network: Network
    env: dict[str, str]
    """Of a route that uses both."""


@asynccontextmanager
async def surroundings(stack: LocalStack) -> AsyncIterator[Surroundings]:
    model, network = Model(), Network(stack.api_url)
    model_app, network_app = _app("model"), _app("network")
    model_app.add_route(model.generate, "/", methods=["POST"])
    network_app.add_route(network.forward, "/<path:path>", methods=["GET", "POST"])
    async with running(model_app) as model_url, running(network_app) as network_url:
        env = {**stack.env, "SUPABASE_URL": network_url, "MODEL_URL": model_url}
        yield Surroundings(model, network, {**env, "ANSWER_SECONDS": "30"})
