"""Every route answers a request that it cannot serve with JSON, a code and no details."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from coinslot.server.app import create_app
from tests.support.servers import answer_to_too_much, running
from tests.support.sidecars import FRONTEND, settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

JWT = {"Authorization": "Bearer a.b.c"}
ORDER = "ord_0123456789ab"
COMPLETE = {"paymentKey": ORDER, "impUid": "imp_1"}


def said(response: httpx.Response) -> tuple[int, str, str]:
    body = response.json()
    return response.status_code, body["error"], body["code"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/nowhere", (404, "There is nothing at this address", "not_found")),
        (
            "DELETE",
            "/health",
            (405, "This address does not take that method", "method_not_allowed"),
        ),
        ("POST", "/api/payments/checkout", (401, "Unauthorized", "unauthenticated")),
        ("GET", f"/payment/{ORDER}", (401, "Unauthorized", "unauthenticated")),
        ("GET", "/payment/history/me", (401, "Unauthorized", "unauthenticated")),
    ],
)
async def test_refusal_is_json(
    alone: httpx.AsyncClient, method: str, path: str, expected: tuple[int, str, str]
) -> None:
    assert said(await alone.request(method, path)) == expected


@pytest.mark.parametrize(
    "authorization", ["Basic abc", "Bearer", "a.b.c", "Bearer \xe9", "Bearer a b", "Bearer \x01"]
)
async def test_malformed_authorization(alone: httpx.AsyncClient, authorization: str) -> None:
    for path in ("/api/payments/checkout", "/api/payments/complete"):
        response = await alone.post(
            path, json=COMPLETE, headers=[(b"authorization", authorization.encode("latin-1"))]
        )
        assert said(response) == (401, "Unauthorized", "unauthenticated")


@pytest.mark.parametrize("path", ["/api/payments/checkout", "/api/payments/complete"])
@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        (b"{", "application/json", (400, "malformed_json")),
        (b"", "application/json", (400, "malformed_json")),
        (b"\xff", "application/json", (400, "malformed_json")),
        (b"[" * 2000, "application/json", (400, "malformed_json")),
        (b"[]", "application/json", (400, "invalid_request")),
        (b"null", "application/json", (400, "invalid_request")),
        (b"{}", "text/plain", (415, "unsupported_content_type")),
        (b"{}", None, (415, "unsupported_content_type")),
        (b" " * 3000, "application/json", (413, "body_too_large")),
    ],
)
async def test_body_that_cannot_be_taken(
    alone: httpx.AsyncClient, path: str, content: bytes, kind: str | None, expected: tuple[int, str]
) -> None:
    headers = {**JWT, **({"Content-Type": kind} if kind else {})}
    answer = await answer_to_too_much(lambda: alone.post(path, content=content, headers=headers))
    status, _, code = said(answer)
    assert (status, code) == expected


@pytest.mark.parametrize("package", [None, 7, [], {}, "", "no such", "x" * 1500, "a'--", "스타터"])
async def test_package_that_cannot_exist_is_refused_without_asking(
    alone: httpx.AsyncClient, package: object
) -> None:
    response = await alone.post("/api/payments/checkout", json={"packageId": package}, headers=JWT)
    assert said(response) == (400, "Invalid package", "invalid_package")


async def test_body_in_chunks_is_limited_too(alone: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 100

    response = await answer_to_too_much(
        lambda: alone.post(
            "/api/payments/complete",
            content=chunks(),
            headers={"Content-Type": "application/json"},
        )
    )
    assert said(response)[::2] == (413, "body_too_large")


@pytest.mark.parametrize("key", ["", "k" * 256, "\xe9", "\x01"])
async def test_idempotency_key_of_the_wrong_form(alone: httpx.AsyncClient, key: str) -> None:
    response = await alone.post(
        "/api/payments/checkout",
        json={"packageId": "starter"},
        headers=[
            (b"authorization", b"Bearer a.b.c"),
            (b"idempotency-key", key.encode("latin-1")),
        ],
    )
    assert said(response)[::2] == (400, "invalid_request")


@pytest.mark.parametrize(
    ("order_id", "imp_uid", "expected"),
    [
        ("order_1", "imp_1", (404, "Payment not found", "order_not_found")),
        (f"{ORDER}' or 1=1", "imp_1", (404, "Payment not found", "order_not_found")),
        (ORDER, "x?include_sandbox=true", (400, "Payment not verified", "invalid_payment_key")),
        (ORDER, "../payments/status/paid", (400, "Payment not verified", "invalid_payment_key")),
        (ORDER, "", (400, "Payment not verified", "invalid_payment_key")),
    ],
)
async def test_ids_of_the_wrong_form_reach_neither_database_nor_gateway(
    alone: httpx.AsyncClient, order_id: str, imp_uid: str, expected: tuple[int, str, str]
) -> None:
    response = await alone.post(
        "/api/payments/complete", json={"paymentKey": order_id, "impUid": imp_uid}
    )
    assert said(response) == expected


@pytest.mark.parametrize("body", [{}, {"paymentKey": ORDER}, {"paymentKey": 1, "impUid": "imp_1"}])
async def test_missing_field_is_named(alone: httpx.AsyncClient, body: dict[str, Any]) -> None:
    response = await alone.post("/api/payments/complete", json=body)
    status, error, code = said(response)
    assert (status, code) == (400, "invalid_request")
    assert error.startswith(("paymentKey:", "impUid:"))


async def test_database_that_is_down_is_said_so(alone: httpx.AsyncClient) -> None:
    answers = [
        await alone.post("/api/payments/complete", json=COMPLETE),
        await alone.post("/api/payments/checkout", json={"packageId": "starter"}, headers=JWT),
        await alone.get(f"/payment/{ORDER}", headers=JWT),
        await alone.get("/payment/history/me", headers=JWT),
        await alone.post(
            "/payment/portone/webhook",
            json={"imp_uid": "imp_1", "merchant_uid": ORDER, "status": "paid"},
        ),
    ]
    assert {said(answer)[::2] for answer in answers} == {(503, "database_unavailable")}


@pytest.mark.parametrize(
    "limit",
    ["0", "101", "-1", "x", "1e9", "9" * 500, "1 or 1", "020", "00999999"],
)
async def test_page_size_out_of_range(alone: httpx.AsyncClient, limit: str) -> None:
    response = await alone.get("/payment/history/me", params={"limit": limit}, headers=JWT)
    assert said(response)[::2] == (400, "invalid_request")


@pytest.mark.parametrize(
    "cursor",
    ["x", "é", "AAAA", "MjAyNiBvciAxPTE=", "bm90IGEgY3Vyc29yLCBpZC5ndC4w"],
)
async def test_cursor_that_this_server_never_issued(alone: httpx.AsyncClient, cursor: str) -> None:
    response = await alone.get("/payment/history/me", params={"before": cursor}, headers=JWT)
    assert said(response)[::2] == (400, "invalid_request")


class TestWebhook:
    @pytest.mark.parametrize(
        ("content", "kind", "expected"),
        [
            (b"{", "application/json", 400),
            (b"{}", "application/json", 400),
            (b"imp_uid=imp_1", "application/x-www-form-urlencoded", 400),
            (b"imp_uid=imp_1&merchant_uid=x", "text/xml", 415),
            (b" " * 3000, "application/json", 413),
        ],
    )
    async def test_body_that_names_no_payment(
        self, alone: httpx.AsyncClient, content: bytes, kind: str, expected: int
    ) -> None:
        response = await alone.post(
            "/payment/portone/webhook", content=content, headers={"Content-Type": kind}
        )
        assert said(response)[0] == expected

    @pytest.mark.parametrize(
        "body",
        [
            {"imp_uid": "imp_1", "merchant_uid": "topup_of_another_shop", "status": "paid"},
            {"imp_uid": "../users/getToken", "merchant_uid": ORDER, "status": "paid"},
        ],
    )
    async def test_what_cannot_be_ours_is_acknowledged_and_forgotten(
        self, alone: httpx.AsyncClient, body: dict[str, str]
    ) -> None:
        response = await alone.post("/payment/portone/webhook", json=body)
        assert (response.status_code, response.json()) == (200, {"received": True})


class TestRedirect:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({}, "/payment/fail?code=order_not_found"),
            (
                {"merchant_uid": "https://evil.test", "imp_uid": "imp_1"},
                "/payment/fail?code=order_not_found",
            ),
            (
                {"merchant_uid": ORDER, "imp_uid": "//evil.test"},
                f"/payment/fail?orderId={ORDER}&code=invalid_payment_key",
            ),
            (
                {"merchant_uid": ORDER, "imp_uid": "imp_1", "next": "https://evil.test"},
                f"/payment/fail?orderId={ORDER}&code=database_unavailable",
            ),
        ],
    )
    async def test_goes_to_the_frontend_and_nowhere_else(
        self, alone: httpx.AsyncClient, query: dict[str, str], expected: str
    ) -> None:
        response = await alone.get("/payments/complete", params=query)
        assert (response.status_code, response.headers["location"]) == (303, FRONTEND + expected)


async def test_gateway_without_keys_is_off() -> None:
    off = dict.fromkeys(("iamport_code", "iamport_api_key", "iamport_api_secret"))
    async with running(create_app(settings(**off))) as url, httpx.AsyncClient(base_url=url) as http:
        answers = [
            await http.post("/api/payments/checkout", json={"packageId": "starter"}, headers=JWT),
            await http.post("/api/payments/complete", json=COMPLETE),
            await http.post("/payment/portone/webhook", json={}),
        ]
    assert {said(answer)[::2] for answer in answers} == {(404, "gateway_off")}


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": "a\x00b"},
        {"paymentKey": "\x00"},
        {"account": {"bank": "88", "accountNumber": "1234567", "holder": "\x00"}},
    ],
)
async def test_refund_with_text_that_no_database_can_hold(
    alone: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    response = await alone.post(
        f"/payment/{ORDER}/refund",
        json={"reason": "asked for", **wrong},
        headers={**JWT, "Idempotency-Key": "key"},
    )
    assert said(response)[::2] == (400, "invalid_text")
