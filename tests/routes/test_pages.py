"""The pages over HTTP: what is served, to whom, and under which policy."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from coinslot import assets
from coinslot.assets import WEB
from coinslot.routes.content_policy import content_policy
from coinslot.routes.page_data import data_block
from coinslot.routes.web_files import TYPES
from coinslot.server.app import create_app
from coinslot.settings import store
from coinslot.settings.deployment import SettingsError, load_settings
from tests.support.servers import running
from tests.support.sidecars import FRONTEND, settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

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
STORE = ("/store", "/store/invite", "/store/subscription")
RETURNS = ("/payment/success", "/payment/fail", "/billing/success", "/billing/fail")


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
        answers = {path: (await http.get(path)).status_code for path in ("/", *STORE, *RETURNS)}
        assert answers == {"/": 404, **dict.fromkeys(STORE, 404), **dict.fromkeys(RETURNS, 200)}
    async with serving(**LIVE, coinslot_store_page=True) as http:
        assert (await http.get("/store")).status_code == 200


async def test_test_mode_can_do_without() -> None:
    async with serving(coinslot_store_page=False) as http:
        assert (await http.get("/store")).status_code == 404


async def test_nothing_is_served_that_is_not_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "WEB", tmp_path / "web")
    monkeypatch.setattr(store, "WEB", tmp_path / "web")
    async with serving() as http:
        for path in ("/store", "/web/coinslot.js", RETURNS[0]):
            assert (await http.get(path)).status_code == 404
    with pytest.raises(SettingsError, match="the pages are not built"):
        settings(coinslot_store_page=True)


def test_live_mode_has_no_simulated_bank() -> None:
    with pytest.raises(SettingsError, match="COINSLOT_DEMO_BANK_URL"):
        settings(**LIVE, coinslot_demo_bank_url="http://127.0.0.1:1/bank")


def test_live_mode_loads_scripts_over_https_only() -> None:
    with pytest.raises(SettingsError, match="TOSS_SDK_URL must be https"):
        settings(**LIVE, toss_sdk_url="http://js.example.test/sdk.js")


@pytest.mark.parametrize("path", [*STORE, *RETURNS])
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
        "subscriptions": [],
        "topUps": [],
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


def entry(name: str) -> str:
    """The address of what is built of an entry for English pages; its name tells its content."""
    manifest = json.loads((WEB / "pages/manifest.json").read_text())
    return f"/web/pages/{manifest['en'][name]}"


@pytest.mark.parametrize("path", [entry("store.js"), entry("pages.css")])
async def test_a_file_whose_name_tells_its_content_is_kept_for_ever(
    alone: httpx.AsyncClient, path: str
) -> None:
    answer = await alone.get(path, headers={"Accept-Encoding": "identity"})
    assert answer.content == (WEB / path.removeprefix("/web/")).read_bytes()
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_what_apps_load_by_its_own_name_is_asked_for_again(alone: httpx.AsyncClient) -> None:
    first = await alone.get("/web/coinslot.js")
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    again = await alone.get("/web/coinslot.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("br;q=0.0", None),
        ("", None),
    ],
)
async def test_a_browser_is_sent_what_it_can_unpack(
    alone: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    url = entry("store.js")
    async with alone.stream("GET", url, headers={"Accept-Encoding": accepted}) as answer:
        sent = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "Accept-Encoding"
    suffix = {"br": ".br", "gzip": ".gz", None: ""}[encoding]
    assert sent == (WEB / f"{url.removeprefix('/web/')}{suffix}").read_bytes()


async def test_a_page_is_sent_again_only_when_it_changed(alone: httpx.AsyncClient) -> None:
    first = await alone.get("/store")
    assert first.headers["cache-control"] == "no-cache"
    assert first.headers["content-encoding"] == "gzip"
    again = await alone.get("/store", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", [*STORE, *RETURNS])
@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ({}, "en"),
        ({"Accept-Language": "ko-KR,ko;q=0.9,en;q=0.8"}, "ko"),
        ({"Accept-Language": "fr-FR,fr;q=0.9,ko;q=0.8,en;q=0.7"}, "ko"),
        ({"Accept-Language": "en-GB", "Cookie": "coinslot-locale=ko"}, "ko"),
        ({"Accept-Language": "ko", "Cookie": "coinslot-locale=../x"}, "ko"),
    ],
)
async def test_a_page_is_written_in_the_language_of_whoever_asks(
    alone: httpx.AsyncClient, path: str, headers: dict[str, str], language: str
) -> None:
    page = await alone.get(path, headers=headers)
    assert f'<html lang="{language}"' in page.text
    assert "Accept-Language" in page.headers["vary"]


async def test_a_chosen_language_is_kept_and_leaves_the_address(alone: httpx.AsyncClient) -> None:
    unknown = await alone.get("/store?lang=tlh", headers={"Accept-Language": "en"})
    assert (unknown.status_code, '<html lang="en"' in unknown.text) == (200, True)
    for path in STORE:
        answer = await alone.get(f"{path}?lang=ko")
        assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert "coinslot-locale=ko" in answer.headers["set-cookie"]


async def test_the_settings_stand_in_the_page() -> None:
    async with serving(**EVERY_GATEWAY) as http:
        page = (await http.get("/store")).text
        config = (await http.get("/store/config")).json()
    block = re.search(r'<script type="application/json" id="coinslot-config">(.*?)</script>', page)
    assert block
    assert json.loads(block[1]) | config == json.loads(block[1])


def test_no_text_ends_the_element_that_it_stands_in() -> None:
    block = data_block({"name": "</script><script>alert(1)</script>&<!--"})
    assert block.count("<") == 2
    assert json.loads(block.partition(">")[2].rpartition("<")[0])["name"].startswith("</script>")


@pytest.mark.parametrize(
    "path",
    [
        "/web/",
        "/web/pages",
        "/web/pages/store.en.html",
        "/web/coinslot.js.br",
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
    assert suffixes <= {*TYPES, ".html", ".br", ".gz"}


def test_sdk_addresses_are_checked() -> None:
    with pytest.raises(SettingsError, match="STRIPE_SDK_URL"):
        load_settings(_env_file=None, stripe_sdk_url="javascript:alert(1)")
