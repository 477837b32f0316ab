"""The file that the components fetch when it is first needed, in an app of somebody's."""

from __future__ import annotations

import re
from functools import partial
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Protocol

import pytest
import pytest_asyncio
from playwright.async_api import expect

from devstack.settings import ROOT
from tests.browser.conftest import signed_in
from tests.browser.shopper import DEVICES, Shopper
from tests.browser.test_hosts import Files, served, sidecar_of
from tests.support.servers import address
from tests.support.shop import Shop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from tests.browser.conftest import Chromium
    from tests.support.stacks import LocalStack

CLIENT = ROOT / "node_modules/@supabase/supabase-js/dist/umd/supabase.js"
LATER = re.compile(r"/coinslot/later-[0-9A-Z]{8}\.js$")
PAGE = """
<!doctype html>
<html lang="{language}"><meta charset="utf-8"><title>Shop</title><link rel="icon" href="data:,">
<script src="supabase.js"></script>
<header><coinslot-balance></coinslot-balance></header>
<main>{elements}</main>
<script type="module">
  import {{ defineCoinslot }} from './coinslot/coinslot.js'
  const config = await (await fetch('{sidecar}/store/config')).json()
  const client = supabase.createClient(config.supabaseUrl, config.anonKey)
  await defineCoinslot({{ ...config, sidecarUrl: '{sidecar}', supabase: client }})
</script>
"""
STORE = '<coinslot-store id="shop"></coinslot-store>'
HISTORY = "<coinslot-history></coinslot-history>"


class Enter(Protocol):
    async def __call__(self, elements: str, language: str = "en") -> Shopper: ...


@pytest_asyncio.fixture
async def enter_app(
    stack: LocalStack, chromium: Chromium, http: httpx.AsyncClient, tmp_path: Path
) -> AsyncIterator[Enter]:
    """An app that has a copy of the folder, with those elements; each time the same person."""
    (tmp_path / "coinslot").symlink_to(ROOT / "build/web")
    (tmp_path / "supabase.js").symlink_to(CLIENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=tmp_path))
    app_url = address(server.socket)
    async with sidecar_of(stack, app_url) as sidecar:
        shop = Shop(stack, http, stack.sign_up(), sidecar)
        state = {"cookies": [], "origins": [await signed_in(shop, app_url)]}
        context = await chromium.context(locale="en-US", storage_state=state, **DEVICES["desktop"])
        person = Shopper(shop, context, await context.new_page(), app_url, phone=False)
        person.watch()

        async def enter(elements: str, language: str = "en") -> Shopper:
            html = PAGE.format(elements=elements, language=language, sidecar=sidecar)
            (tmp_path / "index.html").write_text(html, encoding="utf-8")
            person.requests.clear()
            await person.page.goto(app_url)
            await expect(person.balance).to_contain_text("5")
            return person

        with served(server):
            yield enter
            await person.close()
        assert person.complaints == []


def fetched(person: Shopper) -> list[str]:
    """Names under which the later file was asked for, once for each time."""
    return [url for url in person.requests if LATER.search(url)]


async def test_prices_and_the_button_are_there_without_it(enter_app: Enter) -> None:
    person = await enter_app(f"{STORE}<coinslot-paywall></coinslot-paywall>")
    await expect(person.pay_button()).to_be_visible()
    await person.has_shown_it()
    assert fetched(person) == []
    await person.choose("PortOne")
    await person.buy()
    await person.clicks("Pay ₩5,000")
    await person.told("10 tokens added")
    assert len(fetched(person)) == 1


async def test_it_comes_while_somebody_makes_up_their_mind(enter_app: Enter) -> None:
    person = await enter_app(STORE)
    await expect(person.pay_button()).to_be_visible()
    async with person.page.expect_response(LATER):
        await person.pack("Standard").hover()


async def test_a_history_keeps_its_place_and_then_has_its_rows(enter_app: Enter) -> None:
    person = await enter_app(HISTORY)
    await expect(person.history.locator(".entry")).to_have_count(1)
    await expect(person.history.locator("h2")).to_have_text("Activity")
    assert len(fetched(person)) == 1


@pytest.mark.parametrize("language", ["en", "ko"])
async def test_a_history_that_could_not_be_fetched_says_so_and_is_asked_for_again(
    enter_app: Enter, language: str
) -> None:
    person = await enter_app("")
    person.expects("0 /coinslot/later-*.js")
    await person.context.route(LATER, lambda route: route.abort())
    await enter_app(HISTORY, language)
    failed = {"en": "We couldn’t load your activity.", "ko": "불러오지 못했어요"}[language]
    await expect(person.history).to_contain_text(failed)
    await person.history.get_by_role("button").click()
    await expect(person.history).to_contain_text(failed)
    await person.context.unroute(LATER)
    await person.history.get_by_role("button").click()
    await expect(person.history.locator(".entry")).to_have_count(1)
    await expect(person.history.locator(".tabs label")).to_have_count(3)


async def test_nothing_is_ordered_before_it_is_there(enter_app: Enter) -> None:
    """Pay without it says that nothing was charged, and can be pressed again."""
    person = await enter_app(STORE)
    person.expects("0 /coinslot/later-*.js")
    await person.context.route(LATER, lambda route: route.abort())
    await person.choose("PortOne")
    await person.pay_button().click()
    await person.told("The payment window didn’t load")
    await person.told("You weren’t charged")
    assert person.orders() == []
    await person.context.unroute(LATER)
    await person.pay_button().click()
    await person.clicks("Pay ₩5,000")
    await person.told("10 tokens added")
    assert person.orders() == ["completed"]


async def test_an_order_from_before_that_cannot_be_asked_about_is_not_called_unpaid(
    enter_app: Enter,
) -> None:
    person = await enter_app(STORE)
    person.expects("0 /coinslot/later-*.js", "400 /api/payments/complete")
    await person.choose("PortOne")
    await person.buy()
    await expect(person.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    await person.shop.pay(person.order_id(), webhook="none")
    await person.context.route(LATER, lambda route: route.abort())
    await enter_app(STORE)
    await person.told("We’re still waiting to hear from your bank")
    await person.context.unroute(LATER)
    await person.store.get_by_role("button", name="Check again").click()
    await person.told("10 tokens added")
