"""The weight of the page, its requests, and how soon it can be used, on a slow line as well."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from devstack.settings import ROOT
from tests.browser.shopper import on_both

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.async_api import Page

    from tests.browser.conftest import Browse

BUILT = ROOT / "build/web"
HOST_BYTES = 28_000
PLANS_BYTES = 42_000
PAGE_BYTES = 70_000
"""Compressed, of what an app loads, of plans, and of what the store page sends until somebody can
pay."""
MOST_REQUESTS = 5
SLOW_3G = {
    "offline": False,
    "latency": 400,
    "downloadThroughput": 50_000,
    "uploadThroughput": 50_000,
}
BESIDE = re.compile(r"/rest/v1/token_(ledger|payments)|/web/later-|^data:")
SHIFTS = """
  window.shifted = 0
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) if (!each.hadRecentInput) window.shifted += each.value
  }).observe({ type: 'layout-shift', buffered: true })
"""


@pytest.mark.parametrize(
    ("name", "most", "asks_for"), [("coinslot", HOST_BYTES, 1), ("plans", PLANS_BYTES, 0)]
)
def test_an_app_loads_one_small_file(name: str, most: int, asks_for: int) -> None:
    """And with the first a later one, when it is needed: see `sidecar/web/loading.js`."""
    assert (BUILT / f"{name}.js.br").stat().st_size <= most
    text = (BUILT / f"{name}.js").read_text(encoding="utf-8")
    asked = re.findall(r'\bimport\s*[({"*][^)]*', text)
    assert len(asked) == asks_for
    (later,) = BUILT.glob("later-*.js")
    assert set(asked) <= {f'import("./{later.name}"'}


def test_nothing_is_loaded_twice() -> None:
    """The later file has Lit, the words of a store and the person's balance of the first."""
    (later,) = (file.read_text(encoding="utf-8") for file in BUILT.glob("later-*.js"))
    first = (BUILT / "coinslot.js").read_text(encoding="utf-8")
    for only in ("litHtmlVersions", "Approve the payment in KakaoTalk", "get_user_tokens"):
        assert only in first
        assert only not in later
    for only in ("Expired, not charged", "TossPayments", "token_ledger"):
        assert only in later
        assert only not in first


def test_a_shop_elsewhere_than_in_korea_loads_nothing_of_cash_receipts() -> None:
    text = (BUILT / "coinslot.js").read_text(encoding="utf-8")
    assert "cash_receipt" not in text
    assert "coinslot-cash-receipt" in text, "and has a place for them"


def test_a_shop_without_plans_loads_nothing_of_them() -> None:
    text = (BUILT / "coinslot.js").read_text(encoding="utf-8")
    assert "coinslot-plans" not in text
    assert "subscribe_token_plan" not in text
    assert "/billing/" not in text


async def test_it_asks_for_little_before_somebody_can_pay(
    browse: Browse, record_property: Callable[[str, object], None]
) -> None:
    visitor = await browse()
    page = await visitor.context.new_page()
    asked: dict[str, str] = {}
    sent: dict[str, int] = {}
    session = await visitor.context.new_cdp_session(page)
    await session.send("Network.enable")
    await session.send("Network.setCacheDisabled", {"cacheDisabled": True})

    def noted(each: dict[str, Any]) -> None:
        asked[each["requestId"]] = each["request"]["url"]

    def ended(each: dict[str, Any]) -> None:
        sent[asked[each["requestId"]]] = each["encodedDataLength"]

    session.on("Network.requestWillBeSent", noted)
    session.on("Network.loadingFinished", ended)
    await page.add_init_script(SHIFTS)
    await page.goto(f"{visitor.url}/store")
    await expect(page.locator("coinslot-store#shop #pay")).to_be_visible()
    await expect(page.locator("header coinslot-balance")).to_contain_text("5")
    # The history is fetched and read as well, which nobody waits for.
    before = {url: size for url, size in sent.items() if not BESIDE.search(url)}
    record_property("requests", len(before))
    record_property("bytes", sum(before.values()))
    assert 0 < len(before) <= MOST_REQUESTS, before
    assert sum(before.values()) <= PAGE_BYTES, before
    await visitor.has_shown_it()
    assert await page.evaluate("window.shifted") < 0.01


@pytest.mark.proof
async def test_on_a_slow_line_prices_are_there_soon_and_it_can_be_paid(
    browse: Browse, record_property: Callable[[str, object], None]
) -> None:
    """The packs are read before the script has come."""
    visitor = await browse("phone")
    page = await visitor.context.new_page()
    session = await visitor.context.new_cdp_session(page)
    await session.send("Network.enable")
    await session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    await session.send("Network.emulateNetworkConditions", SLOW_3G)
    await page.add_init_script(SHIFTS)
    begun = asyncio.get_running_loop().time()
    going = asyncio.ensure_future(page.goto(f"{visitor.url}/store"))
    packs = await seen(page, ".pack", begun)
    paying = await seen(page, "coinslot-store#shop #pay", begun)
    await going
    record_property("seconds until the packs are seen", round(packs, 2))
    record_property("seconds until it can be paid", round(paying, 2))
    assert packs <= 1.5
    assert paying <= 3.5
    assert await page.evaluate("window.shifted") < 0.01


async def seen(page: Page, selector: str, begun: float) -> float:
    await page.locator(selector).first.wait_for()
    return asyncio.get_running_loop().time() - begun


@on_both("phone")
async def test_it_is_usable_soon(
    browse: Browse, device: str, record_property: Callable[[str, object], None]
) -> None:
    """The figure is reported, not judged: the machine may be busy with anything."""
    visitor = await browse(device)
    await visitor.page.reload()
    await visitor.pay_button().wait_for()
    ready = await visitor.page.evaluate("performance.now()")
    record_property(f"milliseconds on a {device}", round(ready))
    assert await visitor.pay_button().is_enabled()
