"""`/ready` says what is missing, cheaply, and never fails itself."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, LiteralString

import pytest
from psycopg import sql

from coinslot.release import VERSION
from coinslot.server.app import create_app
from tests.support.own_servers import answers_with, status_of
from tests.support.proxies import Proxy, proxy
from tests.support.servers import running, until
from tests.support.sidecars import changed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.support.shop import Shop

CALLED_OTHERWISE = [
    "migrations: the database has no coinslot_return_webhooks",
    "installation: {} public.coinslot_return_webhooks(bigint[])",
]
# What is called otherwise, or may not be called, while a test looks.
MISSING: dict[str, tuple[LiteralString, LiteralString]] = {
    "renamed": (
        "alter function public.coinslot_return_webhooks(bigint[]) rename to give_back",
        "alter function public.give_back(bigint[]) rename to coinslot_return_webhooks",
    ),
    "not granted": (
        "revoke execute on function public.coinslot_return_webhooks(bigint[]) from service_role",
        "grant execute on function public.coinslot_return_webhooks(bigint[]) to service_role",
    ),
}


async def asked(shop: Shop, **changes: Any) -> httpx.Response:  # noqa: ANN401 - any setting
    async with running(create_app(shop.settings(**changes))) as url:
        return await shop.http.get(f"{url}/ready")


@pytest.mark.parametrize("how", MISSING)
async def test_names_what_the_database_is_too_old_for(shop: Shop, how: str) -> None:
    before, after = MISSING[how]
    with shop.stack.connect() as connection:
        connection.execute(before)
        try:
            answer = await asked(shop)
        finally:
            connection.execute(after)
    assert answer.status_code == 503
    fault = {"renamed": "function_missing", "not granted": "grants_missing"}[how]
    assert answer.json()["reasons"] == [each.format(fault) for each in CALLED_OTHERWISE]


@pytest.mark.parametrize(
    ("schema", "oldest_sidecar", "todo"),
    [
        ("0.0.9", "0.0.1", "push the migrations"),
        ("999.0.0", "999.0.0", "upgrade this server"),
        ("999.0.0", VERSION, None),
    ],
)
async def test_names_a_release_that_does_not_fit(
    shop: Shop, schema: str, oldest_sidecar: str, todo: str | None
) -> None:
    versions = {"schema_version": schema, "oldest_sidecar": oldest_sidecar}
    with shop.stack.connect() as connection:
        try:
            for name, version in versions.items():
                connection.execute(_answering(name, version))
            answer = await asked(shop)
        finally:
            connection.execute(_answering("schema_version", VERSION))
            connection.execute(_answering("oldest_sidecar", VERSION))
    assert answer.status_code == (503 if todo else 200)
    reasons = answer.json()["reasons"]
    assert [reason.split(": ")[0] for reason in reasons] == (["schema"] if todo else [])
    assert not todo or reasons[0].endswith(f"; {todo}")


def _answering(function: str, version: str) -> sql.Composed:
    return sql.SQL(
        "create or replace function coinslot.{}() returns text language sql immutable"
        " parallel safe set search_path = '' return {}"
    ).format(sql.Identifier(function), sql.Literal(version))


async def test_names_every_reason_for_what_the_database_is(shop: Shop) -> None:
    live = changed(shop.settings(), coinslot_mode="live")
    before, after = MISSING["renamed"]
    with shop.stack.connect() as connection:
        connection.execute(before)
        try:
            async with running(create_app(live)) as url:
                answer = await shop.http.get(f"{url}/ready")
        finally:
            connection.execute(after)
    assert [reason.partition(":")[0] for reason in answer.json()["reasons"]] == [
        "mode",
        "migrations",
        "installation",
    ]


async def test_says_that_people_who_sign_up_get_no_wallet(shop: Shop) -> None:
    with shop.stack.connect() as connection:
        connection.execute("drop function coinslot.follow_user() cascade")
        try:
            answer = await asked(shop)
        finally:
            repair = "select repair from coinslot.check_installation()"
            for (statement,) in connection.execute(repair).fetchall():
                connection.execute(statement)
    assert answer.status_code == 503
    assert answer.json()["reasons"] == [
        "installation: function_missing coinslot.follow_user()",
        *(
            f"installation: trigger_missing coinslot_user_{each} on auth.users"
            for each in ("changed", "created", "deleted")
        ),
    ]
    assert (await asked(shop)).status_code == 200


async def test_sells_nothing_without_a_gateway(shop: Shop) -> None:
    off = dict.fromkeys(("iamport_code", "iamport_api_key", "iamport_api_secret"))
    answer = await asked(shop, **off)
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["gateways: none is set up"])


@asynccontextmanager
async def proxied(shop: Shop) -> AsyncIterator[tuple[Proxy, str]]:
    """The way to the database, and a server that takes it."""
    async with (
        proxy(shop.stack.api_url) as database,
        running(create_app(shop.settings(supabase_url=database.url))) as url,
    ):
        yield database, url


async def test_asks_the_database_once_for_everybody(shop: Shop) -> None:
    async with proxied(shop) as (database, url):
        answers = await asyncio.gather(*(shop.http.get(f"{url}/ready") for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        assert database.called("coinslot_get_settings") == 1
        assert database.called("coinslot_check_installation") == 1
        database.down = True
        await until(lambda: answers_with(f"{url}/ready", 503))
        assert await status_of(f"{url}/health") == 200


async def test_database_that_hangs_is_not_waited_for(shop: Shop) -> None:
    async with proxied(shop) as (database, url):
        database.held = "coinslot_get_settings"
        answer = await shop.http.get(f"{url}/ready")
        database.held = None
    assert answer.json()["reasons"] == ["database: no answer within 2 seconds"]


@pytest.mark.parametrize("off", [3600, -3600])
async def test_says_that_its_clock_is_wrong(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, off: int
) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + off)
    answer = await asked(shop)
    [reason] = answer.json()["reasons"]
    assert answer.status_code == 503
    assert reason.startswith("clock: this server is ")
    assert abs(int(reason.split()[4]) - off) < 30
