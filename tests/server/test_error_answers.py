from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from sanic import HTTPResponse, Request, Sanic
from sanic.response import text
from structlog.testing import capture_logs

from coinslot.errors import CoinslotError, DatabaseBusy, PaymentRefused
from coinslot.server.error_answers import JsonErrorHandler
from tests.support.servers import running, wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture
async def failing() -> AsyncIterator[httpx.AsyncClient]:
    """A server whose routes raise what their names say."""
    app: Sanic[Any, Any] = Sanic(
        f"failing-{uuid4().hex}", error_handler=JsonErrorHandler(), configure_logging=False
    )
    app.config.TOUCHUP = app.config.AUTO_EXTEND = False

    @app.get("/unforeseen")
    async def unforeseen(request: Request) -> HTTPResponse:
        request.ctx.request_id = "request-1"
        raise RuntimeError("the password is hush")

    @app.get("/refusal")
    async def refusal(_request: Request) -> HTTPResponse:
        raise PaymentRefused(code="payment_failed", status="failed")

    @app.get("/busy")
    async def busy(_request: Request) -> HTTPResponse:
        raise DatabaseBusy

    @app.get("/slow/<chosen:str>")
    async def slow(_request: Request, chosen: str) -> HTTPResponse:
        await asyncio.sleep(60)
        return text(chosen)

    async with running(app) as url, httpx.AsyncClient(base_url=url) as http:
        yield http


async def test_what_nobody_foresaw_is_logged_and_not_told(failing: httpx.AsyncClient) -> None:
    with capture_logs() as logged:
        answer = await failing.get("/unforeseen")
    assert answer.status_code == 500
    assert answer.json() == {
        "error": "Something went wrong on our side",
        "code": "internal",
        "request_id": "request-1",
    }
    assert [line["event"] for line in logged] == ["unexpected_error"]
    assert "hush" not in answer.text


async def test_refusal_says_why(failing: httpx.AsyncClient) -> None:
    answer = await failing.get("/refusal")
    assert answer.status_code == 400
    assert answer.json() == {
        "success": False,
        "error": "Payment not verified",
        "code": "payment_failed",
        "status": "failed",
    }


async def test_a_database_that_takes_too_long_is_told_of_with_a_time(
    failing: httpx.AsyncClient,
) -> None:
    answer = await failing.get("/busy")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["code"] == "database_busy"


async def test_client_that_hangs_up_is_told_of_without_what_it_chose(
    failing: httpx.AsyncClient,
) -> None:
    for path, shown in (
        ("/slow/kim@personal.example", "/slow/<chosen:str>"),
        ("/slow/a", "/slow/a"),
    ):
        with capture_logs() as logged:
            with pytest.raises(httpx.ReadTimeout):
                await failing.get(f"{path}?card=4929-1234", timeout=0.2)
            await wait_until(lambda: bool(logged))
        assert logged == [{"event": "client_gone", "path": shown, "log_level": "info"}]


def test_codes_are_unique_to_what_happened() -> None:
    kinds = [CoinslotError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    own = [kind.__dict__["code"] for kind in kinds if "code" in kind.__dict__]
    assert len(own) == len(set(own))
