"""`coinslot doctor` on what stands around: a server that runs, its proxy, the Redis, the mail."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis as Client
from sanic import HTTPResponse, Request, Sanic
from sanic.response import json, redirect
from structlog.testing import capture_logs

from coinslot.server.app import create_app
from tests.e2e.test_doctor import examined
from tests.support.clusters import free_ports
from tests.support.mailboxes import mailbox
from tests.support.redis_servers import Redis, redis, redis_program
from tests.support.servers import running
from tests.support.shop import settings_on

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.stacks import LocalStack

__all__ = ["redis", "redis_program"]

PAGES = "https://app.example.com"
OF_PAGES: dict[str, str | None] = {"FRONTEND_URL": f"{PAGES}/shop", "CORS_ORIGINS": PAGES}


@asynccontextmanager
async def served(stack: LocalStack, **changes: object) -> AsyncIterator[str]:
    # Of the doctor alone is what is printed.
    with capture_logs():
        async with running(create_app(settings_on(stack, **changes))) as url:
            yield url


@asynccontextmanager
async def proxied(target: str, how: str) -> AsyncIterator[str]:
    """A proxy in front of the server that does one thing wrong."""
    app = Sanic(f"proxy-{uuid4().hex[:8]}", configure_logging=False)
    app.config.update({"AUTO_EXTEND": False, "TOUCHUP": False})

    @app.route("/<path:path>", methods=["GET", "POST", "OPTIONS"])
    async def forward(request: Request, path: str) -> HTTPResponse:
        if how == "elsewhere":
            return redirect(f"https://pay.example.com/{path}", status=301)
        if how == "another":
            return json({"status": "ok"})
        if how == "options" and request.method == "OPTIONS":
            return HTTPResponse(status=204)
        async with httpx.AsyncClient() as http:
            sent = {name: value for name, value in request.headers.items() if name != "host"}
            answer = await http.request(request.method, f"{target}/{path}", headers=sent)
        kept = {name: value for name, value in answer.headers.items() if "length" not in name}
        if how == "doubled" and "access-control-allow-origin" in kept:
            kept["access-control-allow-origin"] += ", *"
        return HTTPResponse(answer.content, answer.status_code, kept)

    async with running(app) as url:
        yield url


async def named(stack: LocalStack, changes: dict[str, str | None]) -> tuple[int, set[str]]:
    """The status, and the codes of what is wrong."""
    status, lines = await examined(stack, changes)
    return status, {each["code"] for each in lines if each["level"] in {"fault", "unknown"}}


async def test_a_server_that_runs_as_the_settings_say_is_sound(stack: LocalStack) -> None:
    async with served(stack, frontend_url=f"{PAGES}/shop", cors_origins=[PAGES]) as url:
        at = {"COINSLOT_SIDECAR_PORT": url.rpartition(":")[2]}
        assert await named(stack, {**OF_PAGES, **at}) == (0, set())
        assert await named(stack, {**OF_PAGES, "COINSLOT_PUBLIC_URL": url}) == (0, set())


async def test_none_that_runs_here_is_no_fault(stack: LocalStack) -> None:
    (port,) = free_ports(1)
    assert await named(stack, {**OF_PAGES, "COINSLOT_SIDECAR_PORT": str(port)}) == (0, set())


async def test_a_server_that_was_started_before_the_origins_were_set(stack: LocalStack) -> None:
    async with served(stack, frontend_url="https://old.example.com", cors_origins=[]) as url:
        at = {"COINSLOT_SIDECAR_PORT": url.rpartition(":")[2]}
        assert await named(stack, {**OF_PAGES, **at}) == (1, {"cors_refused"})


async def test_a_server_that_was_started_with_a_key_of_before(stack: LocalStack) -> None:
    async with served(stack, supabase_service_role_key="sb_secret_of_before") as url:
        at: dict[str, str | None] = {"COINSLOT_SIDECAR_PORT": url.rpartition(":")[2]}
        assert await named(stack, at) == (1, {"server_not_ready"})


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("elsewhere", "server_not_ours"),
        ("another", "server_not_ours"),
        ("options", "cors_refused"),
        ("doubled", "cors_doubled"),
    ],
)
async def test_a_proxy_that_does_one_thing_wrong(stack: LocalStack, how: str, code: str) -> None:
    async with (
        served(stack, frontend_url=f"{PAGES}/shop", cors_origins=[PAGES]) as url,
        proxied(url, how) as address,
    ):
        found = await named(stack, {**OF_PAGES, "COINSLOT_PUBLIC_URL": address})
    assert found == (1, {code})


async def test_a_port_that_somebody_else_has(stack: LocalStack) -> None:
    async with proxied("", "another") as url:
        at: dict[str, str | None] = {"COINSLOT_SIDECAR_PORT": url.rpartition(":")[2]}
        status, lines = await examined(stack, at)
    (found,) = [each for each in lines if each["level"] == "fault"]
    assert (status, found["code"]) == (1, "server_not_ours")
    assert "COINSLOT_SIDECAR_PORT" in found["repair"]


async def test_a_public_address_that_is_nobodys(stack: LocalStack) -> None:
    at: dict[str, str | None] = {"COINSLOT_PUBLIC_URL": "http://nowhere.invalid"}
    assert await named(stack, at) == (3, {"name_unknown"})


async def test_a_redis_that_answers_is_away_or_refuses(stack: LocalStack, redis: Redis) -> None:
    right: dict[str, str | None] = {"COINSLOT_LIMIT_STORAGE": redis.storage}
    wrong = redis.storage.replace("//", "//mina:not-the-password@")
    assert await named(stack, right) == (0, set())
    assert await named(stack, {"COINSLOT_LIMIT_STORAGE": wrong}) == (1, {"limit_storage_refused"})
    async with Client(port=redis.port) as client:
        assert await client.keys() == []
    redis.kill()
    assert await named(stack, right) == (3, {"limit_storage_away"})


async def test_a_mail_server_that_answers_is_away_or_refuses(stack: LocalStack) -> None:
    with mailbox("open-sesame-of-mina") as box:
        right: dict[str, str | None] = {
            "COINSLOT_SMTP_HOST": "127.0.0.1",
            "COINSLOT_SMTP_PORT": str(box.port),
            "COINSLOT_SMTP_TLS": "none",
            "COINSLOT_SMTP_SENDER_EMAIL": "hello@example.com",
            "COINSLOT_PUBLIC_URL": stack.sidecar_url,
        }
        of_mina = {**right, "COINSLOT_SMTP_USER": "mina"}
        known = {**of_mina, "COINSLOT_SMTP_PASS": "open-sesame-of-mina"}
        wrong = {**of_mina, "COINSLOT_SMTP_PASS": "not-the-password"}
        assert await named(stack, right) == (0, set())
        assert await named(stack, known) == (0, set())
        assert await named(stack, wrong) == (1, {"mail_server_refuses"})
        assert box.kept == []
    assert await named(stack, right) == (3, {"mail_server_away"})
