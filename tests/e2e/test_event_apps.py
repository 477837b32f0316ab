"""The apps of `examples/events`, as they are: each grants access with what a real sidecar tells."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest
from standardwebhooks import Webhook

from devstack.settings import ROOT
from tests.support.clusters import free_ports
from tests.support.commands import operate
from tests.support.receivers import receiver
from tests.support.servers import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.shop import Shop

_FOLDER = ROOT / "examples/events"
_TYPES = ("--type", "payment.completed", "--type", "payment.refunded")


class App(NamedTuple):
    url: str
    secret: str


@asynccontextmanager
async def running_app(kind: str, shop: Shop) -> AsyncIterator[App]:
    """The app as its own process, which the stack's sidecar tells of payments."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    added = await _endpoints(shop, "add", f"{url}/hooks/coinslot", *_TYPES)
    command = {
        "node": ["node", "server.mjs"],
        "python": [
            *(sys.executable, "-m", "sanic", "app:app", "--port", str(port)),
            *("--host", "127.0.0.1", "--single-process", "--no-motd"),
        ],
    }[kind]
    env = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "COINSLOT_ENDPOINT_SECRET": added["secret"],
    }
    process = await asyncio.create_subprocess_exec(*command, cwd=_FOLDER, env=env)
    try:
        app = App(url, added["secret"])
        await until(lambda: _answers(shop, app))
        yield app
    finally:
        process.kill()
        await process.wait()
        await _endpoints(shop, "disable", added["endpoint"]["id"])


@pytest.mark.parametrize("kind", ["node", "python"])
async def test_access_comes_with_the_money_and_goes_with_it(shop: Shop, kind: str) -> None:
    async with running_app(kind, shop) as app:
        assert await access(shop, app) == {}
        order_id, imp_uid = await shop.bought()
        await until(lambda: _has(shop, app, 1))
        amount = shop.row(order_id)["amount"]
        await shop.play("refund", payment_key=imp_uid, amount=amount)
        await shop.complete(order_id, imp_uid)
        await until(lambda: _has(shop, app, 0))


@pytest.mark.parametrize("kind", ["node", "python"])
async def test_what_is_forged_or_sent_again_grants_nothing(shop: Shop, kind: str) -> None:
    async with running_app(kind, shop) as app, receiver() as other:
        added = await _endpoints(shop, "add", other.url, *_TYPES)
        other.secrets.append(added["secret"])
        await shop.bought()
        await other.until(lambda: bool(other.of(shop.buyer.id)))
        await until(lambda: _has(shop, app, 1))
        (event,) = other.of(shop.buyer.id)
        now = datetime.now(UTC)
        another = {**event, "id": "evt_ffffffffffffffffffffffffffffffff"}
        for what, status, given, secret, at, body in (
            ("signed with another's secret", 401, another, added["secret"], now, another),
            ("changed on its way", 401, another, app.secret, now, {**another, "version": 2}),
            ("recorded long ago", 401, another, app.secret, now - timedelta(minutes=10), another),
            ("sent again", 200, event, app.secret, now, event),
        ):
            headers = signed(given, secret, at)
            answer = await shop.http.post(
                f"{app.url}/hooks/coinslot", content=json.dumps(body), headers=headers
            )
            assert answer.status_code == status, what
            assert await access(shop, app) == {"starter": 1}, what
        for headers in ({}, {"webhook-signature": "junk v1,AAAA"}, {"webhook-id": "evt_1"}):
            answer = await shop.http.post(f"{app.url}/hooks/coinslot", content="{", headers=headers)
            assert answer.status_code == 401
        await _endpoints(shop, "disable", added["endpoint"]["id"])


def signed(event: dict[str, Any], secret: str, at: datetime) -> dict[str, str]:
    return {
        "webhook-id": event["id"],
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event["id"], at, json.dumps(event)),
    }


async def access(shop: Shop, app: App) -> dict[str, int]:
    answer = await shop.http.get(f"{app.url}/access/{shop.buyer.id}")
    return {name: number for name, number in answer.json().items() if number}


async def _has(shop: Shop, app: App, packs: int) -> bool:
    return (await access(shop, app)).get("starter", 0) == packs


async def _answers(shop: Shop, app: App) -> bool:
    try:
        return (await shop.http.get(f"{app.url}/access/{shop.buyer.id}")).is_success
    except httpx.TransportError:
        return False


async def _endpoints(shop: Shop, *words: str) -> Any:  # noqa: ANN401 - JSON
    status, said, wrong = await operate(shop.stack, "endpoints", *words, "--json")
    assert status == 0, wrong
    return json.loads(said)
