"""Calls to a database that is away for a moment: which are made again, and which are not."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sanic import HTTPResponse, Request, Sanic
from sanic.response import json, raw

from coinslot.database import Database, caller
from coinslot.errors import DatabaseBusy, DatabaseUnavailable, InvalidText, Unauthorized
from tests.support.servers import address, listening_socket, running
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SETTINGS = {"mode": "test", "rpcs": []}
LOST = (503, {"code": "PGRST001", "message": "connection lost"})
# What PostgREST makes of an end that libpq finds while it waits: maybe that of a commit.
LOST_ON_THE_WAY = (400, {"code": "", "details": None, "hint": None, "message": ""})
REFUSED = (503, {"code": "PGRST002", "message": "no schema yet"})


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller, "_PAUSES", (0.01, 0.01))


class PostgREST:
    """Answers each RPC as planned, then well."""

    def __init__(self, *failures: tuple[int, Any]) -> None:
        self.failures = list(failures)
        self.calls: list[str] = []

    async def answer(self, _request: Request, name: str) -> HTTPResponse:
        self.calls.append(name)
        if not self.failures:
            return json(SETTINGS if name == "coinslot_get_settings" else [])
        status, body = self.failures.pop(0)
        return raw(body, status=status) if isinstance(body, bytes) else json(body, status=status)

    def app(self) -> Sanic[Any, Any]:
        app = Sanic(f"postgrest-{uuid4().hex[:8]}", configure_logging=False)
        app.config.TOUCHUP = app.config.AUTO_EXTEND = False
        app.add_route(self.answer, "/rest/v1/rpc/<name>", methods=["POST"])
        return app


@asynccontextmanager
async def away(*failures: tuple[int, Any]) -> AsyncIterator[tuple[PostgREST, Database]]:
    postgrest = PostgREST(*failures)
    async with running(postgrest.app()) as url, Database(settings(supabase_url=url)) as database:
        yield postgrest, database


@pytest.mark.parametrize(
    "failure",
    [
        LOST,
        LOST_ON_THE_WAY,
        REFUSED,
        (500, {"code": "57P01", "message": "terminating connection"}),
        (503, {"code": "57P03", "message": "starting up"}),
        (503, {"code": "08006", "message": "connection failure"}),
        (503, {"code": "53300", "message": "too many connections"}),
        (500, {"code": "40P01", "message": "deadlock"}),
        (502, b"<html>bad gateway</html>"),
        (503, b""),
    ],
    ids=str,
)
async def test_outage_that_passes_is_outlived(failure: tuple[int, Any]) -> None:
    async with away(failure, failure) as (postgrest, database):
        assert (await database.as_service().get_settings()).mode == "test"
    assert len(postgrest.calls) == 3


async def test_outage_that_lasts_is_told_after_three_tries() -> None:
    async with away(*[LOST] * 9) as (postgrest, database):
        with pytest.raises(DatabaseUnavailable):
            await database.as_service().get_settings()
    assert len(postgrest.calls) == 3


async def test_a_lock_in_the_way_is_told_after_three_tries() -> None:
    locked = (500, {"code": "55P03", "message": "canceling statement due to lock timeout"})
    async with away(*[locked] * 3) as (postgrest, database):
        with pytest.raises(DatabaseBusy) as busy:
            await database.as_user("a.b.c").create_order("starter", "toss")
    assert len(postgrest.calls) == 3
    assert (busy.value.code, busy.value.retry_after) == ("database_busy", 1)


async def test_a_call_that_took_too_long_is_told_at_once() -> None:
    """To repeat it would make a busy database busier."""
    late = (500, {"code": "57014", "message": "canceling statement due to statement timeout"})
    async with away(late) as (postgrest, database):
        with pytest.raises(DatabaseBusy):
            await database.as_user("a.b.c").create_order("starter", "toss", idempotency_key="k")
    assert len(postgrest.calls) == 1


@pytest.mark.parametrize("code", ["P0001", "XX000", ""])
async def test_failure_of_its_own_is_not_repeated(code: str) -> None:
    async with away((500, {"code": code, "message": "a bug"})) as (postgrest, database):
        with pytest.raises(DatabaseUnavailable):
            await database.as_service().get_settings()
    assert len(postgrest.calls) == 1


@pytest.mark.parametrize("lost", [LOST, LOST_ON_THE_WAY], ids=str)
async def test_work_is_not_claimed_twice_where_the_first_answer_was_lost(
    lost: tuple[int, Any],
) -> None:
    async with away(lost) as (postgrest, database):
        with pytest.raises(DatabaseUnavailable):
            await database.as_service().claim_webhooks(5)
        assert postgrest.calls == ["coinslot_claim_webhooks"]


async def test_a_bad_request_is_one_where_somebody_says_why() -> None:
    """Nobody is told to try again what can never succeed."""
    for body in ({"code": "22P02", "message": "invalid input"}, {"message": "no key"}):
        async with away((400, body)) as (postgrest, database):
            with pytest.raises(DatabaseUnavailable):
                await database.as_service().get_settings()
        assert len(postgrest.calls) == 1


@pytest.mark.parametrize("status", [400, 404, 408, 413, 429])
async def test_nobody_is_signed_out_by_what_stands_before_postgrest(status: int) -> None:
    """Only a 401 or a 403 without PostgREST's code is about a key."""
    refusals = [(status, {"message": "API rate limit exceeded"})] * 3
    async with away(*refusals) as (_, database):
        with pytest.raises(DatabaseUnavailable):
            await database.as_user("a.b.c").call("get_user_tokens")
    async with away((401, {"message": "Invalid API key"})) as (_, database):
        with pytest.raises(Unauthorized):
            await database.as_user("a.b.c").call("get_user_tokens")


async def test_work_is_claimed_again_where_certainly_nothing_was_done() -> None:
    async with away(REFUSED) as (postgrest, database):
        assert await database.as_service().claim_webhooks(5) == []
        assert postgrest.calls == ["coinslot_claim_webhooks"] * 2


@pytest.mark.parametrize("lost", [LOST, LOST_ON_THE_WAY], ids=str)
@pytest.mark.parametrize(("key", "tries"), [(None, 1), ("a key", 3)])
async def test_order_is_repeated_under_its_key_only(
    key: str | None, tries: int, lost: tuple[int, Any]
) -> None:
    async with away(*[lost] * 3) as (postgrest, database):
        with pytest.raises(DatabaseUnavailable):
            await database.as_user("a.b.c").create_order("starter", "toss", idempotency_key=key)
    assert len(postgrest.calls) == tries


async def test_all_tries_together_have_one_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller, "_PAUSES", (60.0, 60.0))
    slow = settings(supabase_url="http://127.0.0.1:1", coinslot_database_timeout=0.3)
    began = time.monotonic()
    async with Database(slow) as database:
        with pytest.raises(DatabaseUnavailable):
            await database.as_service().get_settings()
    assert time.monotonic() - began < 60


async def test_connection_that_was_refused_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for what may not be done twice: there was nobody who could have done it."""
    monkeypatch.setattr(caller, "_PAUSES", (1.0, 1.0))
    sock, postgrest = listening_socket(), PostgREST()
    async with Database(settings(supabase_url=address(sock))) as database:
        claiming = asyncio.create_task(database.as_service().claim_webhooks(5))
        await asyncio.sleep(0.1)
        async with running(postgrest.app(), sock):
            assert await claiming == []
    assert postgrest.calls == ["coinslot_claim_webhooks"]


async def test_rpc_goes_out_and_comes_back_as_the_library_s_own() -> None:
    heard: list[tuple[str, dict[str, str], bytes]] = []
    answers = [({"n": 1}, 200), ([], 200), (None, 200), (b"", 204), (b"text", 200)]

    async def answer(request: Request, _name: str) -> HTTPResponse:
        heard.append((request.path, dict(request.headers), request.body))
        body, status = answers[(len(heard) - 1) // 2]
        return raw(body, status=status) if isinstance(body, bytes) else json(body, status=status)

    arguments: dict[str, Any] = {"id": 1, "text": "글", "none": None, "deep": {"list": [1.5, "a"]}}
    app = Sanic(f"postgrest-{uuid4().hex[:8]}", configure_logging=False)
    app.config.TOUCHUP = app.config.AUTO_EXTEND = False
    app.add_route(answer, "/rest/v1/rpc/<_name>", methods=["POST"])
    async with running(app) as url, Database(settings(supabase_url=url)) as database:
        for role in (database.as_service(), database.as_user("eyJ.a.b")):
            theirs = role.client.rpc("coinslot_get_settings", arguments).execute
            for _ in answers:
                ours = await role.call_with("coinslot_get_settings", arguments)
                assert ours == (await theirs()).data
            requests = iter(heard)
            for one, other in zip(requests, requests, strict=True):
                assert one == other
            assert len(heard) == 2 * len(answers)
            heard.clear()


@pytest.mark.parametrize("text", ["\ud800", "a\x00b", "\\\x00"])
async def test_text_that_postgres_cannot_keep_is_not_sent(text: str) -> None:
    """An operator's command, for one, may have been given anything."""
    async with away() as (postgrest, database):
        with pytest.raises(InvalidText):
            await database.as_service().resolve_discrepancy(1, text)
        await database.as_service().call("coinslot_get_settings", text="\\u0000 한\x1b")
    assert postgrest.calls == ["coinslot_get_settings"]
