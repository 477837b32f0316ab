"""Every dialog of the operators' console that a button of a page opens, one after the other."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.console import AXE
from tests.support.sizes import sized

if TYPE_CHECKING:
    from playwright.async_api import Page, Route

    from tests.browser.console import Console
    from tests.support.shop import Shop

PAGES = ("orders", "refunds", "review", "catalogue", "codes", "webhooks", "events", "exports")
MORE = ("settings", "team", "log", "reports/sales")
MEANWHILE = """() => {
  const dialog = document.querySelector('dialog#ask'), box = dialog.getBoundingClientRect()
  return {
    inside: dialog.contains(document.activeElement), field: document.activeElement.tagName,
    wide: dialog.scrollWidth > dialog.clientWidth || box.left < 0 || box.right > innerWidth,
    title: dialog.querySelector('h2').innerText, text: dialog.innerText,
  }
}"""
ENDPOINT = """insert into coinslot.endpoints (id, url, secret, name)
values (gen_random_uuid(), 'https://app.example.com/hooks', 'v1.sealed', 'App')
returning id::text"""
CASE = """insert into coinslot.discrepancies (kind, gateway, payment_key, order_id)
values ('duplicate_payment', 'toss', 'k', %s) returning id"""
WEBHOOK = """insert into coinslot.webhooks (
  gateway, event_type, order_id, payment_key, claims_paid, headers, body, outcome, attempts,
  next_attempt_at
) values (
  'toss', 'PAYMENT_STATUS_CHANGED', %s, 'k', true, '{}', '{}', 'failed', 3,
  now() + interval '1 hour'
) returning id"""


LOOKS = product(("light", "dark"), ("en-US", "ko-KR"), (1280, 390))


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("scheme", "language", "width"), sized([("dark", "ko-KR", 390)], proofs=list(LOOKS))
)
async def test_each_dialog_fits_takes_the_focus_and_gives_it_back(
    enter: Console, shop: Shop, scheme: str, language: str, width: int
) -> None:
    order_id, _ = await shop.bought()
    [(endpoint,)] = shop.select(ENDPOINT)
    [(case,)] = shop.select(CASE, order_id)
    [(webhook,)] = shop.select(WEBHOOK, order_id)
    page = await enter(
        color_scheme=scheme, locale=language, viewport={"width": width, "height": 844}
    )
    await page.evaluate(AXE)
    of_one = (f"orders/{order_id}", f"customers/{shop.buyer.id}", f"webhooks/{webhook}")
    titles: set[str] = set()
    try:
        for path in (*PAGES, *MORE, *of_one, f"events/{endpoint}"):
            titles |= await _dialogs_of(page, path)
    finally:
        shop.select("delete from coinslot.endpoints where id = %s::uuid returning 1", endpoint)
        shop.select("delete from coinslot.discrepancies where id = %s returning 1", case)
        shop.select("delete from coinslot.webhooks where id = %s returning 1", webhook)
    assert len(titles) > 30, titles


async def _dialogs_of(page: Page, path: str) -> set[str]:
    """Opens each by its button, and leaves it by Escape; their titles."""
    await page.evaluate("path => { location.hash = '#/' + path }", path)
    await expect(page.locator("main h1").first).to_be_visible()
    await page.wait_for_timeout(300)
    titles: set[str] = set()
    for number in range(min(40, await page.locator("main button:visible").count())):
        button = page.locator("main button:visible").nth(number)
        if not await button.is_enabled():
            continue
        await button.click()
        if await page.locator("dialog#ask[open]").count() == 0:
            await page.wait_for_timeout(100)
        if await page.locator("dialog#ask[open]").count() == 0:
            continue
        titles.add(await _looked_at(page, path))
        await page.keyboard.press("Escape")
        await expect(page.locator("dialog#ask")).to_be_hidden()
        assert await button.evaluate("each => document.activeElement === each"), (path, titles)
    return titles


async def _looked_at(page: Page, path: str) -> str:
    seen = await page.evaluate(MEANWHILE)
    of = (path, seen["title"])
    assert seen["inside"], of
    assert seen["field"] in {"INPUT", "SELECT", "TEXTAREA"}, of
    assert not seen["wide"], of
    assert seen["title"].endswith(("?", ".", "Add note", "메모 남기기")), of
    assert "undefined" not in seen["text"], of
    assert "NaN" not in seen["text"], of
    found = await page.evaluate(
        "axe.run(document.querySelector('dialog#ask'), {resultTypes: ['violations']})"
    )
    assert [each["id"] for each in found["violations"]] == [], of
    return str(seen["title"])


async def test_a_secret_whose_answer_was_lost_is_not_made_a_second_time(
    enter: Console, shop: Shop
) -> None:
    """Made twice, the secret that the app has would be the one before the last, and refused."""
    page = await enter(path="events")
    calls = 0

    async def lose(route: Route) -> None:
        nonlocal calls
        calls += 1
        await route.abort()

    await page.route("**/endpoints", lose)
    await page.get_by_role("button", name="Add endpoint").click()
    dialog = page.locator("dialog#ask")
    await dialog.locator("input[name=url]").fill("https://app.example.com/hooks")
    await dialog.locator("textarea[name=note]").fill("The app of the shop")
    await dialog.get_by_role("button", name="Add endpoint").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("before you do it again")
    assert await dialog.locator("button[type=submit]").count() == 0
    await page.keyboard.press("Enter")
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_be_hidden()
    assert calls == 1
