"""Requests that the simulators cannot read, and their own failures: JSON, and no traceback."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio

from simulators.app import create_app
from simulators.registry import SimulatorSettings
from tests.support.servers import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PREFIXES = ("portone-v1", "portone-v2", "toss", "stripe")
UNREADABLE = pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b'"x"', b"\xff", b"[" * 100_000], ids=lambda body: repr(body[:4])
)


@pytest_asyncio.fixture(scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with (
        running(create_app(SimulatorSettings())) as url,
        httpx.AsyncClient(base_url=url) as http,
    ):
        yield http


@UNREADABLE
@pytest.mark.parametrize("prefix", PREFIXES)
async def test_the_control_api_refuses_what_it_cannot_read(
    http: httpx.AsyncClient, prefix: str, body: bytes
) -> None:
    for method, path in (("POST", "deposit"), ("PUT", "faults"), ("PUT", "settings")):
        answer = await http.request(method, f"/{prefix}/_sim/{path}", content=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request"), path
        assert answer.headers["content-type"] == "application/json"


async def test_the_control_api_takes_json_of_any_content_type(http: httpx.AsyncClient) -> None:
    headers = {"content-type": "text/plain"}
    answer = await http.put("/toss/_sim/faults", content=b'{"kind": "html"}', headers=headers)
    assert answer.json()["faults"][0]["kind"] == "html"
    assert (await http.put("/toss/_sim/faults", json={})).json() == {"faults": []}


async def test_the_control_api_names_the_field_that_is_wrong(http: httpx.AsyncClient) -> None:
    answer = await http.post("/toss/_sim/refund", json={"payment_key": "x", "amount": 0})
    assert answer.json()["error"] == "amount: Input should be greater than 0"


@UNREADABLE
async def test_each_gateway_refuses_it_in_its_own_words(
    http: httpx.AsyncClient, body: bytes
) -> None:
    json = {"content-type": "application/json"}
    v1 = await http.post("/portone-v1/users/getToken", content=body, headers=json)
    assert (v1.status_code, v1.json()["code"]) == (400, -1)
    secret = {"authorization": f"PortOne {SimulatorSettings().portone_api_secret}", **json}
    v2 = await http.post("/portone-v2/payments/x/cancel", content=body, headers=secret)
    assert (v2.status_code, v2.json()["type"]) == (400, "INVALID_REQUEST")
    key = (SimulatorSettings().toss_secret_key, "")
    toss = await http.post("/toss/v1/payments/confirm", content=body, headers=json, auth=key)
    assert (toss.status_code, toss.json()["code"]) == (400, "INVALID_REQUEST")


async def test_an_unknown_address_is_answered_in_json(http: httpx.AsyncClient) -> None:
    answer = await http.get("/toss/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "refused")


async def test_a_simulators_own_failure_is_logged_and_not_shown(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("simulators.toss.books.Books.all", fail)
    answer = await http.get("/toss/_sim/payments")
    assert answer.status_code == 500
    assert answer.json() == {"error": "The simulator failed", "code": "internal"}
    [record] = [each for each in caplog.records if each.name == "simulators"]
    assert (record.levelno, record.exc_info is not None) == (logging.ERROR, True)
