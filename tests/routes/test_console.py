"""The console's page over HTTP: to whom it is served, and under which policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coinslot import assets
from coinslot.settings import store
from coinslot.settings.deployment import SettingsError
from tests.routes.test_pages import LIVE, directives, serving
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from pathlib import Path

    import httpx


async def test_it_is_on_in_test_mode_and_off_in_live_mode_until_switched_on() -> None:
    async with serving() as http:
        assert (await http.get("/console")).status_code == 200
    async with serving(coinslot_console_page=False) as http:
        assert (await http.get("/console")).status_code == 404
    async with serving(**LIVE) as http:
        assert (await http.get("/console")).status_code == 404
    async with serving(**LIVE, coinslot_console_page=True) as http:
        page = await http.get("/console")
        assert page.status_code == 200
        assert 'data-mode="live"' in page.text
        assert '"people":[]' in page.text


async def test_it_knows_where_gateways_have_a_payment(alone: httpx.AsyncClient) -> None:
    page = (await alone.get("/console")).text
    assert (
        '"paymentPages":{"stripe":{"live":"https://dashboard.stripe.com/payments/{payment_key}",'
        '"test":"https://dashboard.stripe.com/test/payments/{payment_key}"}}' in page
    )


async def test_nothing_foreign_nothing_inline_and_nobody_keeps_it(alone: httpx.AsyncClient) -> None:
    answer = await alone.get("/console")
    policy = directives(answer.headers["content-security-policy"])
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert policy["form-action"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == ["'self'"]
    assert policy["require-trusted-types-for"] == ["'script'"]
    assert policy["trusted-types"] == ["lit-html"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "etag" not in answer.headers


async def test_it_speaks_the_language_of_whoever_asks(alone: httpx.AsyncClient) -> None:
    korean = await alone.get("/console", headers={"Accept-Language": "ko-KR,en;q=0.5"})
    assert '<html lang="ko"' in korean.text
    chosen = await alone.get("/console?lang=ko")
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/console")


async def test_it_holds_no_key_that_is_secret(alone: httpx.AsyncClient) -> None:
    page = (await alone.get("/console")).text
    secret = settings().supabase_service_role_key.get_secret_value()
    assert secret not in page
    assert "<style" not in page
    assert " style=" not in page


async def test_nothing_is_served_that_is_not_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "WEB", tmp_path / "web")
    monkeypatch.setattr(store, "WEB", tmp_path / "web")
    async with serving() as http:
        assert (await http.get("/console")).status_code == 404
    with pytest.raises(SettingsError, match="COINSLOT_CONSOLE_PAGE: the pages are not built"):
        settings(coinslot_console_page=True)
