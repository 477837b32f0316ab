"""What the simulators serve to browsers, over HTTP; that it works, `tests/browser` shows."""

from __future__ import annotations

import httpx
import pytest

from simulators.app import SimulatorSettings, create_app
from tests.support.servers import running


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/portone-v1/sdk.js", "text/javascript"),
        ("/portone-v2/sdk.js", "text/javascript"),
        ("/toss/sdk.js", "text/javascript"),
        ("/stripe/sdk.js", "text/javascript"),
        ("/toss/_window", "text/html"),
        ("/stripe/_element", "text/html"),
        ("/_windows/bank", "text/html"),
        ("/_windows/window.css", "text/css"),
    ],
)
async def test_scripts_and_windows_allow_nothing_inline(path: str, kind: str) -> None:
    async with running(create_app(SimulatorSettings())) as url, httpx.AsyncClient() as http:
        answer = await http.get(f"{url}{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "path",
    ["/_windows/nothing.js", "/_windows/window.html", "/_windows/..%2f__init__.py", "/x/sdk.js"],
)
async def test_nothing_else_is_served(path: str) -> None:
    async with running(create_app(SimulatorSettings())) as url, httpx.AsyncClient() as http:
        assert (await http.get(f"{url}{path}")).status_code == 404
