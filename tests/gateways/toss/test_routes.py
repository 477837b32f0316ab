"""Toss's routes where nobody is behind them: what is refused before anybody is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
import pytest_asyncio

from coinslot.gateways.toss.routes import ConfirmBody
from coinslot.server.app import create_app
from tests.support.servers import answer_to_too_much, running
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = "test_sk_not_to_be_shown"
CREATE, CONFIRM = "/payment/toss/create", "/payment/toss/confirm"
JWT = {"Authorization": "Bearer a.b.c"}
BODY = {"paymentKey": "tgen_123456", "orderId": "ord_0123456789ab", "amount": 5000}


@pytest_asyncio.fixture(scope="module")
async def shut() -> AsyncIterator[httpx.AsyncClient]:
    """A sidecar with Toss's keys whose database and Toss are both down."""
    keys = {"toss_client_key": "test_ck_x", "toss_secret_key": SECRET}
    app = create_app(settings(**keys, toss_api_url="http://127.0.0.1:1"))
    async with running(app) as url, httpx.AsyncClient(base_url=url) as http:
        yield http


@pytest.mark.parametrize("path", [CREATE, CONFIRM, "/payment/toss/webhook"])
async def test_without_keys_toss_is_off(alone: httpx.AsyncClient, path: str) -> None:
    body = {**BODY, "productId": "starter", "orderName": None, "amount": None}
    answer = await alone.post(path, json=BODY if path == CONFIRM else body, headers=JWT)
    assert (answer.status_code, answer.json()["code"]) == (404, "gateway_off")


@pytest.mark.parametrize("path", [CREATE, CONFIRM])
@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        (b"", "application/json", (400, "malformed_json")),
        (b"{", "application/json", (400, "malformed_json")),
        (b"[" * 50_000, "application/json", (400, "malformed_json")),
        (b'{"amount": NaN}', "application/json", (400, "invalid_request")),
        (b'{"amount": Infinity}', "application/json", (400, "invalid_request")),
        (b'{"amount": 1e999}', "application/json", (400, "invalid_request")),
        (b"amount=5000", "application/x-www-form-urlencoded", (415, "unsupported_content_type")),
        (b" " * 1_000_000, "application/json", (413, "body_too_large")),
    ],
)
async def test_malformed_body(
    shut: httpx.AsyncClient, path: str, content: bytes, kind: str, expected: tuple[int, str]
) -> None:
    headers = {**JWT, "Content-Type": kind}
    answer = await answer_to_too_much(lambda: shut.post(path, content=content, headers=headers))
    assert (answer.status_code, answer.json()["code"]) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"orderId": "ord_short"}, (404, "order_not_found")),
        ({"orderId": "../orders/x"}, (404, "order_not_found")),
        ({"orderId": 5}, (400, "invalid_request")),
        ({"orderId": None}, (400, "invalid_request")),
        ({"paymentKey": "a/b/c/d/e/f"}, (400, "invalid_payment_key")),
        ({"paymentKey": ["tgen_123456"]}, (400, "invalid_request")),
        ({"amount": {}}, (400, "invalid_request")),
        ({}, (503, "database_unavailable")),
    ],
)
async def test_confirm_asks_nobody_about_what_cannot_be(
    shut: httpx.AsyncClient, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    answer = await shut.post(CONFIRM, json={**BODY, **changes})
    assert (answer.status_code, answer.json()["code"]) == expected
    assert SECRET not in answer.text


@pytest.mark.parametrize("header", ["Basic x", "Bearer", "Bearer a b", "Bearer ü"])
async def test_token_that_is_none_is_not_taken_for_nobody(
    shut: httpx.AsyncClient, header: str
) -> None:
    headers = [(b"authorization", header.encode())]
    for path in (CREATE, CONFIRM):
        answer = await shut.post(path, json=BODY, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_webhook_that_cannot_be_kept_is_sent_again(shut: httpx.AsyncClient) -> None:
    data = {"orderId": "ord_0123456789ab", "paymentKey": "tgen_123456", "status": "DONE"}
    event = {"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "x", "data": data}
    assert (await shut.post("/payment/toss/webhook", json=event)).status_code == 503
    assert (await shut.post("/payment/toss/webhook", content=b"{")).status_code == 400


@pytest.mark.parametrize(
    ("given", "won"),
    [(5000, 5000), (5000.0, 5000), ("5000", 5000), ("5000.0", 5000), ("05000", 5000), (0, 0)],
)
def test_amount_may_be_a_number_or_a_numeric_string(given: object, won: int) -> None:
    assert ConfirmBody.model_validate({**BODY, "amount": given}).amount == won


@pytest.mark.parametrize(
    "given",
    [5000.5, "5000.5", "5,000", " 5000", "5e3", "\u0665000", "0x10", "", "1" * 17, True, None],
)
def test_anything_else_is_no_amount(given: object) -> None:
    with pytest.raises(ValueError, match="whole number"):
        ConfirmBody.model_validate({**BODY, "amount": given})
