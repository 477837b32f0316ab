"""The pages over HTTP: what is served, to whom, and under which policy."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from coinslot.assets import WEB
from coinslot.routes.content_policy import content_policy
from coinslot.server.app import create_app
from coinslot.settings.deployment import SettingsError, load_settings
from tests.support.servers import running
from tests.support.sidecars import FRONTEND, settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EVERY_GATEWAY = {
    "toss_client_key": "test_ck_x",
    "toss_secret_key": "test_sk_x",
    "stripe_publishable_key": "pk_test_x",
    "stripe_secret_key": "sk_test_x",
}
LIVE = {
    "coinslot_mode": "live",
    "supabase_url": "https://project.supabase.test",
    "iamport_api_url": "https://api.iamport.kr",
}
RETURNS = ("/payment/success", "/payment/fail")


@asynccontextmanager
async def serving(**changes: Any) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ANN401
    async with (
        running(create_app(settings(**changes))) as url,
        httpx.AsyncClient(base_url=url) as http,
    ):
        yield http


def directives(policy: str) -> dict[str, list[str]]:
    parts = [part.split() for part in policy.split("; ")]
    return {name: allowed for name, *allowed in parts}


async def test_the_store_is_at_the_door_in_test_mode(alone: httpx.AsyncClient) -> None:
    door = await alone.get("/")
    assert (door.status_code, door.headers["location"]) == (303, "/store")
    page = await alone.get("/store")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_live_mode_has_no_store_page_unless_asked_for() -> None:
    async with serving(**LIVE) as http:
        answers = {path: (await http.get(path)).status_code for path in ("/", "/store", *RETURNS)}
        assert answers == {"/": 404, "/store": 404, **dict.fromkeys(RETURNS, 200)}
    async with serving(**LIVE, coinslot_store_page=True) as http:
        assert (await http.get("/store")).status_code == 200


async def test_test_mode_can_do_without() -> None:
    async with serving(coinslot_store_page=False) as http:
        assert (await http.get("/store")).status_code == 404


async def test_without_supabase_js_the_return_pages_work_and_the_store_is_off(
    tmp_path: Path,
) -> None:
    missing = tmp_path / "supabase.js"
    async with serving(coinslot_supabase_js=missing) as http:
        assert (await http.get("/store")).status_code == 404
        assert (await http.get("/store/supabase.js")).status_code == 404
        assert (await http.get(RETURNS[0])).status_code == 200
    with pytest.raises(SettingsError, match="COINSLOT_SUPABASE_JS is no file"):
        settings(coinslot_supabase_js=missing, coinslot_store_page=True)


def test_live_mode_has_no_simulated_bank() -> None:
    with pytest.raises(SettingsError, match="COINSLOT_DEMO_BANK_URL"):
        settings(**LIVE, coinslot_demo_bank_url="http://127.0.0.1:1/bank")


def test_live_mode_loads_scripts_over_https_only() -> None:
    with pytest.raises(SettingsError, match="TOSS_SDK_URL must be https"):
        settings(**LIVE, toss_sdk_url="http://js.example.test/sdk.js")


@pytest.mark.parametrize("path", ["/store", *RETURNS])
async def test_policy_allows_nothing_inline_and_no_foreign_script(
    alone: httpx.AsyncClient, path: str
) -> None:
    answer = await alone.get(path)
    policy = directives(answer.headers["content-security-policy"])
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == ["'self'", "https://cdn.iamport.kr"]
    assert policy["style-src"] == ["'self'"]
    assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "strict-origin"


def test_policy_names_the_gateways_that_are_on_and_no_other() -> None:
    scripts = directives(content_policy(settings(**EVERY_GATEWAY)))["script-src"]
    assert {"https://cdn.iamport.kr", "https://js.tosspayments.com", "https://js.stripe.com"} < set(
        scripts
    )
    assert not any("portone" in source for source in scripts)
    simulated = "http://127.0.0.1:5/toss/sdk.js"
    policy = directives(content_policy(settings(**EVERY_GATEWAY, toss_sdk_url=simulated)))
    assert "http://127.0.0.1:5" in policy["script-src"]
    assert not any("tosspayments" in source for source in policy["script-src"])


async def test_configuration_is_public_and_complete() -> None:
    async with serving(**EVERY_GATEWAY) as http:
        answer = await http.get("/store/config", headers={"Origin": FRONTEND})
    assert answer.headers["access-control-allow-origin"] == FRONTEND
    assert answer.json() == {
        "mode": "test",
        "supabaseUrl": "http://127.0.0.1:1",
        "anonKey": "sb_publishable_test",
        "gateways": {
            "portone": {"version": 1, "code": "imp1", "methods": ["card"]},
            "toss": {"methods": ["card"]},
            "stripe": {},
        },
        "sdk": {
            "iamport": "https://cdn.iamport.kr/v1/iamport.js",
            "portone": "https://cdn.portone.io/v2/browser-sdk.js",
            "toss": "https://js.tosspayments.com/v2/standard",
            "stripe": "https://js.stripe.com/v3",
        },
        "methods": [{"id": "card", "currency": "KRW", "gateway": "portone", "logo": "card"}],
        "currency": {"default": "KRW", "offered": ["KRW"]},
        "links": {},
        "business": {},
        "refundDays": None,
        "maxQuantity": 1,
        "takesCodes": False,
        "invitations": {"reward": 0, "bonus": 0},
        "demo": None,
    }


async def test_v2_takes_the_orders_where_both_versions_are_on() -> None:
    v2 = {
        "portone_api_secret": "secret_of_v2",
        "portone_store_id": "store-1",
        "portone_channel_key": "channel-key-1",
    }
    async with serving(**v2, coinslot_virtual_accounts=True) as http:
        gateways = (await http.get("/store/config")).json()["gateways"]
    assert gateways == {"portone": {"version": 2, "methods": ["card", "virtual_account"]}}


async def test_modules_are_sent_again_only_when_they_changed(alone: httpx.AsyncClient) -> None:
    path = "/web/pages/store.js"
    first = await alone.get(path)
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert first.content == (WEB / "pages/store.js").read_bytes()
    again = await alone.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/web/",
        "/web/pages",
        "/web/pages/store.html",
        "/web/nothing.js",
        "/web/../settings.py",
        "/web/%2e%2e/settings.py",
        "/web/..%2fsettings.py",
        "/web//etc/passwd",
        "/web/%00",
        "/web/" + "a" * 300,
    ],
)
async def test_nothing_else_is_served(alone: httpx.AsyncClient, path: str) -> None:
    url = httpx.URL(str(alone.base_url)).copy_with(raw_path=path.encode())
    answer = await alone.get(url)
    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "code"}


def test_what_the_package_carries_has_a_type() -> None:
    suffixes = {file.suffix for file in WEB.rglob("*") if file.is_file()}
    assert suffixes <= {".css", ".html", ".js", ".json", ".svg", ".ts"}


def test_sdk_addresses_are_checked() -> None:
    with pytest.raises(SettingsError, match="STRIPE_SDK_URL"):
        load_settings(_env_file=None, stripe_sdk_url="javascript:alert(1)")
