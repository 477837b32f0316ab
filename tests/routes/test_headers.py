"""The headers of every answer."""

from __future__ import annotations

import httpx
import pytest

from coinslot.server.app import create_app
from tests.support.servers import running
from tests.support.sidecars import FRONTEND, settings


@pytest.mark.parametrize("path", ["/health", "/nowhere", "/payment/history/me"])
async def test_security_headers_and_request_id(alone: httpx.AsyncClient, path: str) -> None:
    first, second = await alone.get(path), await alone.get(path)
    assert first.headers["x-content-type-options"] == "nosniff"
    assert first.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in first.headers["content-security-policy"]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


@pytest.mark.parametrize("live", [False, True])
async def test_browsers_are_told_to_keep_to_https_where_there_is_money(live: bool) -> None:
    mode = settings().model_copy(update={"coinslot_mode": "live" if live else "test"})
    async with running(create_app(mode)) as url, httpx.AsyncClient(base_url=url) as http:
        answers = [await http.get(path) for path in ("/health", "/nowhere", "/payment/success")]
    for answer in answers:
        assert answer.headers.get("strict-transport-security") == (
            "max-age=31536000" if live else None
        )


async def test_request_id_is_not_the_clients(alone: httpx.AsyncClient) -> None:
    response = await alone.get("/health", headers={"X-Request-ID": "chosen"})
    assert response.headers["x-request-id"] != "chosen"


@pytest.mark.parametrize("path", ["/api/payments/checkout", "/api/payments/complete"])
async def test_preflight_of_a_listed_origin(alone: httpx.AsyncClient, path: str) -> None:
    response = await alone.options(
        path,
        headers={
            "Origin": FRONTEND,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
        },
    )
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == FRONTEND
    allowed = set(response.headers["access-control-allow-headers"].split(","))
    assert allowed == {"authorization", "content-type", "idempotency-key"}
    assert "POST" in response.headers["access-control-allow-methods"]


@pytest.mark.parametrize(
    "origin", ["https://evil.test", FRONTEND + ".evil.test", "null", FRONTEND.upper()]
)
async def test_other_origins_get_no_permission(alone: httpx.AsyncClient, origin: str) -> None:
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answers = [
        await alone.options("/api/payments/complete", headers=preflight),
        await alone.get("/health", headers={"Origin": origin}),
    ]
    assert all("access-control-allow-origin" not in answer.headers for answer in answers)


@pytest.mark.parametrize("origin", [FRONTEND, "https://evil.test"])
async def test_no_origin_is_let_in_by_cookies(alone: httpx.AsyncClient, origin: str) -> None:
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    cookie = {"Origin": origin, "Cookie": "session=1"}
    for answer in (
        await alone.options("/api/payments/complete", headers=preflight),
        await alone.get("/health", headers=cookie),
    ):
        assert "access-control-allow-credentials" not in answer.headers
        assert answer.headers.get("access-control-allow-origin") != "*"


async def test_no_origin_is_allowed_unless_listed() -> None:
    async with (
        running(create_app(settings(cors_origins=[]))) as url,
        httpx.AsyncClient(base_url=url) as http,
    ):
        answer = await http.get("/health", headers={"Origin": FRONTEND})
    assert "access-control-allow-origin" not in answer.headers


async def test_refusals_are_readable_from_a_listed_origin(alone: httpx.AsyncClient) -> None:
    response = await alone.post("/api/payments/checkout", headers={"Origin": FRONTEND})
    assert response.status_code == 401
    assert response.headers["access-control-allow-origin"] == FRONTEND


async def test_process_is_alive_without_its_database(alone: httpx.AsyncClient) -> None:
    alive, ready = await alone.get("/health"), await alone.get("/ready")
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert ready.status_code == 503
    assert ready.json()["reasons"] == [
        "database: database_unavailable: SUPABASE_URL gives no answer"
    ]
