"""The files that the simulators serve to browsers; that they work, `tests/browser` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio

from simulators.app import create_app
from simulators.registry import SimulatorSettings
from tests.support.servers import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture(scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with (
        running(create_app(SimulatorSettings())) as url,
        httpx.AsyncClient(base_url=url) as http,
    ):
        yield http


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/portone-v1/sdk.js", "text/javascript"),
        ("/portone-v2/sdk.js", "text/javascript"),
        ("/toss/sdk.js", "text/javascript"),
        ("/stripe/sdk.js", "text/javascript"),
        ("/toss/_window", "text/html"),
        ("/toss/_window/window.js", "text/javascript"),
        ("/stripe/_window/element.html", "text/html"),
        ("/_windows/bank", "text/html"),
        ("/_windows/window.css", "text/css"),
    ],
)
async def test_scripts_and_windows_allow_nothing_inline(
    http: httpx.AsyncClient, path: str, kind: str
) -> None:
    answer = await http.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "path",
    [
        "/_windows/nothing.js",
        "/_windows/..%2f__init__.py",
        "/toss/_window/..%2fsettings.py",
        "/toss/_window/element.html",
        "/x/sdk.js",
    ],
)
async def test_nothing_else_is_served(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 404


async def test_each_gateway_brings_the_modules_that_the_shared_windows_ask_for(
    http: httpx.AsyncClient,
) -> None:
    prefixes = (await http.get("/_sim/health")).json()["simulators"]
    assert len(prefixes) >= 4
    for prefix in prefixes:
        module = await http.get(f"/{prefix}/_window/window.js")
        for name in ("name", "refusal", "waiting"):
            assert f"export const {name} =" in module.text
        own_choices = "export const choices =" in module.text
        assert own_choices or "export const carriedBack =" in module.text
        assert own_choices or "export const inAddress =" in module.text
