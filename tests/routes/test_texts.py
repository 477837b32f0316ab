"""Every text that a route takes, with every kind of character that JSON can carry.

The database is a stand-in that refuses what Postgres refuses. No text may reach it that it cannot
keep, and none may end in an error of ours.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest_asyncio
from sanic import HTTPResponse, Request, Sanic
from sanic.response import json as answer

from coinslot.routes.openapi.document import document
from coinslot.server.app import create_app
from tests.support.servers import running
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# Of each kind of character one, of controls and of halves of characters some, and what is long.
# That every single one is told apart, `tests/test_text.py` proves.
TEXTS = (
    *("\x00", "\n", "\x1b[31m", "\x7f", "\x9b2J", "\u2028", "\u202e", "\ufeff", "\uffff", "\ue000"),
    *("\ud800", "\udfff", "a\udc00\ud800b", "한ǅʰ\u0301\u0903\u20dd5Ⅷ½", "_-({«»!$+^©\U0010ffff"),
    *("\\u0000", "\\\\\x00", "", " ", "x" * 3000),
)
# Of what a browser or a shop writes into an address or a header.
QUOTED = (
    "%00",
    "%ED%A0%80",
    "%FF",
    "%1B%5B31m",
    "%",
    "%zz",
    "%0d%0aX:%20y",
    "%25",
    "..%2f",
    "ord_%00",
)
JWT = {"Authorization": "Bearer a.b.c"}
ORDER = "ord_0123456789ab"
METHOD = "7a3e5112-b419-46c0-af38-bea766ac4602"


@dataclass(frozen=True)
class Taken:
    """A route, and a body that it takes: each text in it is replaced, one after the other."""

    path: str
    body: dict[str, Any]


BODIES = (
    Taken("/api/payments/checkout", {"packageId": "standard"}),
    Taken("/api/payments/complete", {"paymentKey": ORDER, "impUid": "imp_1"}),
    Taken("/api/payments/complete", {"paymentId": ORDER}),
    Taken("/payment/toss/create", {"amount": 5000, "orderName": "Starter", "productId": "starter"}),
    Taken("/payment/toss/confirm", {"paymentKey": "k" * 30, "orderId": ORDER, "amount": 5000}),
    Taken("/payment/stripe/create", {"product": "starter", "currency": "USD"}),
    Taken("/billing/methods", {"gateway": "toss"}),
    Taken(f"/billing/methods/{METHOD}/stored", {"carried": {"authKey": "a"}}),
    Taken(
        "/billing/subscriptions",
        {
            "planId": "plus",
            "gateway": "toss",
            "currency": "KRW",
            "methodId": METHOD,
            "consent": {"text": "v1"},
        },
    ),
    Taken(
        f"/payment/{ORDER}/refund",
        {
            "reason": "why",
            "paymentKey": "k",
            "account": {"bank": "KB", "accountNumber": "12345", "holder": "Kim"},
        },
    ),
    Taken(
        "/endpoints",
        {"url": "https://app.example.com/", "reason": "why", "name": "n", "types": ["wallet.low"]},
    ),
    Taken("/endpoints/8a0d5a52-6f2e-4c1e-9a44-2b1f6f0f7d11/rotate", {"reason": "why"}),
)
WEBHOOKS = {
    "portone": {"imp_uid": "imp_1", "merchant_uid": ORDER, "status": "paid"},
    "toss": {
        "eventType": "PAYMENT_STATUS_CHANGED",
        "createdAt": "2026-01-01T00:00:00.000000",
        "data": {"paymentKey": "k" * 30, "orderId": ORDER, "status": "DONE"},
        "secret": "s",
    },
}


def variants(body: Any, text: str) -> list[Any]:  # noqa: ANN401 - JSON
    """The body with `text` in place of one of its texts, or of one of its names."""
    if isinstance(body, str):
        return [text]
    if not isinstance(body, dict):
        return []
    changed = [
        {**body, name: each} for name, value in body.items() for each in variants(value, text)
    ]
    return [*changed, {**body, text: "more"}]


def unkept(body: bytes) -> bool:
    """True for what Postgres refuses: `\\u0000` and halves of characters."""
    dumped = json.dumps(json.loads(body), ensure_ascii=False)
    return bool(re.search("[\ud800-\udfff]", dumped)) or bool(
        re.search(r"(?<!\\)(?:\\\\)*\\u0000", dumped)
    )


def stand_in() -> tuple[Sanic[Any, Any], list[str]]:
    """A PostgREST that knows no order, and the paths of what it could not keep."""
    app: Sanic[Any, Any] = Sanic(f"postgrest-{uuid4().hex[:8]}", configure_logging=False)
    app.config.TOUCHUP = app.config.AUTO_EXTEND = False
    refused: list[str] = []

    @app.route("/rest/v1/<path:path>", methods=["GET", "POST"])
    async def take(request: Request, path: str) -> HTTPResponse:
        if request.method == "GET":
            return answer([])
        if unkept(request.body):
            refused.append(path)
            return answer({"code": "22P05", "message": "unsupported Unicode"}, status=400)
        if path.endswith("coinslot_store_webhook"):
            return answer({"verdict": "unknown_order", "webhook_id": None, "payment": None})
        return answer(
            {"code": "PT404", "message": "order_not_found", "details": None, "hint": "Check it."},
            status=404,
        )

    return app, refused


@pytest_asyncio.fixture(scope="module")
async def shop() -> AsyncIterator[tuple[httpx.AsyncClient, list[str]]]:
    database, refused = stand_in()
    async with running(database) as url:
        app = create_app(
            settings(
                supabase_url=url,
                toss_client_key="test_ck_sandbox",
                toss_secret_key="test_sk_sandbox",
                toss_api_url="http://127.0.0.1:1",
                stripe_secret_key="sk_test_sandbox",
                stripe_publishable_key="pk_test_sandbox",
                stripe_api_url="http://127.0.0.1:1",
                coinslot_secret_keys=f"main:{base64.b64encode(bytes(range(32))).decode()}",
            )
        )
        async with running(app) as own, httpx.AsyncClient(base_url=own, timeout=30) as http:
            yield http, refused


def check(response: httpx.Response, sent: object) -> None:
    """It is taken, or refused with a code. 502 is the gateway, which is away."""
    assert response.status_code < 500 or response.status_code == 502, (sent, response.text)
    if response.status_code >= 400:
        assert response.json()["code"], sent


async def test_in_a_body(shop: tuple[httpx.AsyncClient, list[str]]) -> None:
    http, refused = shop
    for taken in BODIES:
        for text in TEXTS:
            for body in variants(taken.body, text):
                content = json.dumps(body).encode()
                headers = {**JWT, "Content-Type": "application/json", "Idempotency-Key": "k"}
                response = await http.post(taken.path, content=content, headers=headers)
                check(response, (taken.path, body))
                if unkept(content):
                    assert response.json()["code"] == "invalid_text", body
    assert refused == []


async def test_in_a_webhook(shop: tuple[httpx.AsyncClient, list[str]]) -> None:
    http, refused = shop
    for gateway, sent in WEBHOOKS.items():
        for text in TEXTS:
            for body in variants(sent, text):
                content = json.dumps(body).encode()
                response = await http.post(
                    f"/payment/{gateway}/webhook",
                    content=content,
                    headers={"Content-Type": "application/json"},
                )
                check(response, (gateway, body))
    assert refused == []


async def test_in_an_address(shop: tuple[httpx.AsyncClient, list[str]]) -> None:
    http, refused = shop
    quoted = [*QUOTED, *(quote(text, errors="surrogatepass") for text in TEXTS)]
    for text in quoted:
        for method, path in (
            ("GET", f"/payment/{text}"),
            ("POST", f"/payment/{text}/cancel"),
            ("POST", f"/payment/{text}/webhook"),
            ("GET", f"/payment/history/me?before={text}"),
            ("GET", f"/payment/history/me?limit={text}"),
            ("GET", f"/payments/complete?merchant_uid={text}&imp_uid=imp_1"),
            ("GET", f"/payments/complete?merchant_uid={ORDER}&imp_uid={text}"),
            ("GET", f"/payments/complete?paymentId={text}&code={text}"),
        ):
            response = await http.request(method, path, headers=JWT)
            check(response, path)
            assert "\n" not in response.headers.get("location", "")
    assert refused == []


async def test_in_a_header(shop: tuple[httpx.AsyncClient, list[str]]) -> None:
    http, refused = shop
    body = {"packageId": "standard"}
    for code in (1, 9, 0x1B, 0x7F, 0x80, 0x9B, 0xA0, 0xED, 0xFF):
        for name in (
            "idempotency-key",
            "accept-language",
            "user-agent",
            "origin",
            "x-forwarded-for",
        ):
            headers = [(b"authorization", b"Bearer a.b.c"), (name.encode(), bytes([97, code, 97]))]
            check(
                await http.post("/api/payments/checkout", json=body, headers=headers), (name, code)
            )
    assert refused == []


def test_is_asked_for_at_every_route_that_takes_a_body() -> None:
    """A new one belongs into `BODIES`."""
    taking = {
        path
        for path, methods in document()["paths"].items()
        for operation in methods.values()
        if "requestBody" in operation
    }
    covered = {
        re.sub(
            "/[0-9a-f-]{36}/rotate",
            "/{endpoint_id}/rotate",
            re.sub("ord_[0-9a-z]+", "{order_id}", taken.path),
        ).replace(METHOD, "{method_id}")
        for taken in BODIES
    }
    assert {path for path in taking if not path.endswith("/webhook")} == covered
