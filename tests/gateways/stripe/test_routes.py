"""Refusals of the Stripe routes that need neither database nor gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
import pytest_asyncio

from coinslot.server.app import create_app
from tests.support.servers import running
from tests.support.sidecars import settings
from tests.support.stripes import signed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CREATE, WEBHOOK = "/payment/stripe/create", "/payment/stripe/webhook"
KEYS = {
    "stripe_secret_key": "sk_test_1",
    "stripe_publishable_key": "pk_test_1",
    "stripe_api_url": "http://127.0.0.1:1",
}
TOKEN = {"Authorization": "Bearer a.b.c"}


@pytest_asyncio.fixture(scope="module")
async def without_secret() -> AsyncIterator[httpx.AsyncClient]:
    """A sidecar with Stripe's keys and no webhook secret; database and Stripe are down."""
    app = create_app(settings(**KEYS))
    async with running(app) as url, httpx.AsyncClient(base_url=url) as http:
        yield http


async def test_webhook_without_a_secret_is_off(without_secret: httpx.AsyncClient) -> None:
    body = b'{"id": "evt_1", "object": "event"}'
    for headers in ({}, signed(body), signed(body, "x")):
        answer = await without_secret.post(WEBHOOK, content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "webhook_off")


@pytest.mark.parametrize("path", [CREATE, WEBHOOK])
async def test_gateway_without_keys_is_off(alone: httpx.AsyncClient, path: str) -> None:
    answer = await alone.post(path, json={"productId": "starter"}, headers=TOKEN)
    assert (answer.status_code, answer.json()["code"]) == (404, "gateway_off")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"amount": 1000},
        {"description": "Starter Pack"},
        {"amount": -1, "description": 5},
        {"amount": "1e3", "description": "Starter Pack"},
        {"amount": "\u0661\u0660\u0660\u0660", "description": "Starter Pack"},
        {"amount": "9" * 30, "description": "Starter Pack"},
        {"amount": [1000], "description": "Starter Pack"},
        {"productId": 5},
        {"productId": "starter", "currency": "US"},
        {"productId": "starter", "currency": "USD\n"},
    ],
)
async def test_body_that_is_none(without_secret: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await without_secret.post(CREATE, json=body, headers=TOKEN)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


async def test_jwt_is_wanted_first(without_secret: httpx.AsyncClient) -> None:
    answer = await without_secret.post(CREATE, json={})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
