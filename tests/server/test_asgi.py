"""Coinslot under servers other than its own: the same limits, the same answers."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest_asyncio

from coinslot.server.app import create_app
from coinslot.server.asgi import AsgiApplication
from devstack.settings import ROOT
from tests.support.clusters import free_ports
from tests.support.own_servers import answers_with
from tests.support.servers import until
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from pathlib import Path

LIMIT = 2048
SECONDS = 0.3
PATH = "/payment/portone/webhook"
Answer = tuple[int, bytes]


@asynccontextmanager
async def lifespan(application: AsgiApplication) -> AsyncIterator[None]:
    """As a server holds it open."""
    told: asyncio.Queue[Any] = asyncio.Queue()
    heard: asyncio.Queue[Any] = asyncio.Queue()
    living = asyncio.create_task(application({"type": "lifespan"}, told.get, heard.put))
    await told.put({"type": "lifespan.startup"})
    assert (await heard.get())["type"] == "lifespan.startup.complete"
    yield
    await told.put({"type": "lifespan.shutdown"})
    assert (await heard.get())["type"] == "lifespan.shutdown.complete"
    await living


@pytest_asyncio.fixture(scope="module")
async def application() -> AsyncIterator[AsgiApplication]:
    made = create_app(settings(coinslot_body_limit=LIMIT, coinslot_request_seconds=SECONDS))
    application = AsgiApplication(made)
    async with lifespan(application):
        yield application


async def asked(
    application: AsgiApplication,
    pieces: Iterable[bytes] = (),
    *,
    path: str = PATH,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    then: Mapping[str, object] | None = None,
) -> Answer | None:
    """The answer to a body in pieces. `then` comes instead of its end; None: nothing ever does."""
    left = [{"type": "http.request", "body": each, "more_body": True} for each in pieces]
    sent: list[Any] = []

    async def receive() -> Any:  # noqa: ANN401
        if left:
            return left.pop(0)
        if then is not None:
            return then
        return await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:  # noqa: ANN401
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": None,
        "query_string": b"",
        "headers": [(n.lower().encode(), v.encode()) for n, v in (headers or {}).items()],
        "client": ("203.0.113.9", 1),
        "server": None,
    }
    await application(scope, receive, send)
    if not sent:
        return None
    return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:])


END = {"type": "http.request", "body": b"", "more_body": False}


async def test_too_much_is_refused_whether_it_was_announced_or_not(
    application: AsgiApplication,
) -> None:
    announced = {"Content-Length": str(LIMIT + 1)}
    for answer in (
        await asked(application, [b"x"], headers=announced),
        await asked(application, [b"x" * LIMIT, b"x"], then=END),
    ):
        assert answer == (
            413,
            b'{"error":"The body is larger than this server takes","code":"body_too_large"}',
        )


async def test_as_much_as_the_limit_is_taken(application: AsgiApplication) -> None:
    answer = await asked(application, [b"x" * (LIMIT - 1), b"x"], then=END)
    assert answer is not None
    assert (answer[0], json.loads(answer[1])["code"]) == (415, "unsupported_content_type")


async def test_body_that_does_not_end_is_not_waited_for(application: AsgiApplication) -> None:
    answer = await asked(application, [b"{"])
    assert answer is not None
    assert (answer[0], json.loads(answer[1])["code"]) == (408, "request_timeout")


async def test_half_a_body_is_none(application: AsgiApplication) -> None:
    assert await asked(application, [b"{"], then={"type": "http.disconnect"}) is None


async def test_answer_that_takes_too_long_is_given_up(application: AsgiApplication) -> None:
    application.seconds_to_answer, before = 0.0, application.seconds_to_answer
    try:
        answer = await asked(application, path="/ready", method="GET", then=END)
    finally:
        application.seconds_to_answer = before
    assert answer is not None
    assert (answer[0], json.loads(answer[1])["code"]) == (503, "unavailable")


def environment(**changes: str) -> dict[str, str]:
    return {
        "PATH": f"{ROOT}/.venv/bin",
        "PYTHONPATH": ":".join(each for each in sys.path if each),
        "SUPABASE_URL": "http://127.0.0.1:1",
        "SUPABASE_ANON_KEY": "sb_publishable_0123456789",
        "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_0123456789",
        "FRONTEND_URL": "http://shop.test",
        **changes,
    }


def uvicorn(folder: Path, port: int, env: Mapping[str, str]) -> subprocess.Popen[str]:
    module = [sys.executable, "-m", "uvicorn", "coinslot.server.asgi:app", "--no-access-log"]
    return subprocess.Popen(
        [*module, "--port", str(port)],
        cwd=folder,
        env=dict(env),
        stderr=subprocess.PIPE,
        text=True,
    )


async def test_uvicorn_starts_serves_and_stops_it(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    server = uvicorn(tmp_path, port, environment())
    try:
        await until(lambda: answers_with(f"{url}/health", 200))
        async with httpx.AsyncClient(base_url=url) as http:
            answer = await http.post(PATH, content=b"x" * 3_000_000)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert answer.headers["x-content-type-options"] == "nosniff"
    finally:
        server.terminate()
        _, said = await asyncio.to_thread(server.communicate, timeout=60)
    assert '"event": "stopping"' in said
    assert "Traceback" not in said


async def test_uvicorn_is_told_what_is_wrong_with_a_setting(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    server = uvicorn(tmp_path, port, environment(FRONTEND_URL=""))
    _, said = await asyncio.to_thread(server.communicate, timeout=60)
    assert "FRONTEND_URL is not set" in said
    assert "Traceback" not in said
    assert server.returncode != 0
