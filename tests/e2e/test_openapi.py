"""The sidecar's answers, against its OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from coinslot.server.app import create_app
from tests.support.contract import agreed
from tests.support.servers import running
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from tests.support.shop import Shop


async def test_portone(shop: Shop) -> None:
    path = "/api/payments/checkout"
    assert agreed("post", path, await shop.checkout()) == 200
    assert agreed("post", path, await shop.checkout("platinum")) == 400
    assert agreed("post", path, await shop.checkout(Authorization="Bearer a.b.c")) == 401
    order_id, path = await shop.order(), "/api/payments/complete"
    failed = await shop.pay(order_id, outcome="failed")
    assert agreed("post", path, await shop.complete(order_id, failed)) == 400
    waiting = await shop.pay(order_id, outcome="awaiting_deposit")
    assert agreed("post", path, await shop.complete(order_id, waiting)) == 202
    assert agreed("post", path, await shop.complete(order_id, waiting, **shop.jwt)) == 202
    paid = await shop.pay(order_id)
    assert agreed("post", path, await shop.complete(order_id, paid)) == 200
    assert agreed("post", path, await shop.complete("ord_ffffffffffff", paid)) == 404
    answer = await shop.http.get(f"{shop.sidecar}/payments/complete")
    assert agreed("get", "/payments/complete", answer) == 303


async def test_toss(shop: Shop) -> None:
    url, path = f"{shop.sidecar}/payment/toss", "/payment/toss/create"
    body = {"amount": 13000, "orderName": "사주팔자 프리미엄 해석"}
    created = await shop.http.post(f"{url}/create", json=body, headers=shop.jwt)
    assert agreed("post", path, created) == 200
    body["amount"] = 1
    refused = await shop.http.post(f"{url}/create", json=body, headers=shop.jwt)
    assert agreed("post", path, refused) == 400
    assert agreed("post", path, await shop.http.post(f"{url}/create", json=body)) == 401
    order = {"orderId": created.json()["orderId"], "amount": 13000}
    path = "/payment/toss/confirm"
    unknown = await shop.http.post(f"{url}/confirm", json={**order, "paymentKey": "tgen_none"})
    assert 400 <= agreed("post", path, unknown) < 500
    turn = {"order_id": order["orderId"], "amount": 13000, "webhook": "none"}
    simulator = f"{shop.stack.settings.simulators_url}/toss/_sim/pay"
    key = (await shop.http.post(simulator, json=turn)).raise_for_status().json()["paymentKey"]
    for headers in ({}, shop.jwt):
        given = {**order, "paymentKey": key}
        answer = await shop.http.post(f"{url}/confirm", json=given, headers=headers)
        assert agreed("post", path, answer) == 200


async def test_stripe(shop: Shop) -> None:
    url, path = f"{shop.sidecar}/payment/stripe/create", "/payment/stripe/create"
    body = {"amount": 1000, "description": "Premium Fortune Reading"}
    created = await shop.http.post(url, json=body, headers=shop.jwt)
    assert agreed("post", path, created) == 200
    for wrong in ({**body, "amount": 1}, {**body, "description": "Tea"}, {}):
        answer = await shop.http.post(url, json=wrong, headers=shop.jwt)
        assert agreed("post", path, answer) == 400
    for key, package in (("one", "starter"), ("one", "premium")):
        headers = {**shop.jwt, "Idempotency-Key": key}
        answer = await shop.http.post(url, json={"productId": package}, headers=headers)
    assert agreed("post", path, answer) == 409


async def test_webhooks(shop: Shop) -> None:
    path = "/payment/{gateway}/webhook"
    assert agreed("post", path, await shop.webhook("ord_ffffffffffff", "imp_1")) == 200
    for gateway, content, expected in (
        ("portone", b"{}", 400),
        ("stripe", b"{}", 401),
        ("paypal", b"{}", 404),
        ("portone", b" " * 70_000, 413),
    ):
        answer = await shop.http.post(
            f"{shop.sidecar}/payment/{gateway}/webhook",
            content=content,
            headers={"Content-Type": "application/json"},
        )
        assert agreed("post", path, answer) == expected


async def test_orders(shop: Shop) -> None:
    order_id, _ = await shop.bought()
    for path, expected in ((order_id, 200), ("ord_ffffffffffff", 404)):
        answer = await shop.http.get(f"{shop.sidecar}/payment/{path}", headers=shop.jwt)
        assert agreed("get", "/payment/{order_id}", answer) == expected
    for query, expected in (({"limit": "1"}, 200), ({"limit": "0"}, 400)):
        url = f"{shop.sidecar}/payment/history/me"
        answer = await shop.http.get(url, params=query, headers=shop.jwt)
        assert agreed("get", "/payment/history/me", answer) == expected
    assert agreed("get", "/payment/history/me", await shop.http.get(url)) == 401


async def test_health(shop: Shop) -> None:
    for path in ("/health", "/ready", "/openapi.json"):
        assert agreed("get", path, await shop.http.get(shop.sidecar + path)) == 200


@pytest.mark.parametrize(
    ("method", "path"), [("get", "/ready"), ("post", "/api/payments/complete")]
)
async def test_database_that_is_down(method: str, path: str) -> None:
    async with running(create_app(settings())) as url, httpx.AsyncClient() as http:
        body = {"paymentKey": "ord_0123456789ab", "impUid": "imp_1"} if method == "post" else None
        answer = await http.request(method, url + path, json=body)
    assert agreed(method, path, answer) == 503
