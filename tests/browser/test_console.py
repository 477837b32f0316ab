"""The operators' console in a browser: every page, every dialog, under its strict policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from devstack.settings import ROOT
from tests.browser.console import look
from tests.support.stacks import PASSWORD

if TYPE_CHECKING:
    from playwright.async_api import Route

    from tests.browser.conftest import Chromium
    from tests.browser.console import Console
    from tests.support.shop import Shop

BYTES = 110_000
MARKUP = "<img src=x onerror='window.hit=1'><b onclick='window.hit=1'>Bold</b>&amp;"
PAGES = (
    *("overview", "orders", "customers", "review", "refunds", "catalogue", "codes", "webhooks"),
    *("subscriptions", "events", "exports"),
    *("reports/sales", "reports/funnel", "reports/tokens", "reports/liability"),
    *("reports/recurring", "reports/churn", "settings", "team", "log"),
    "search?q=nothing-like-it",
)


async def test_nobody_else_gets_in(chromium: Chromium, shop: Shop) -> None:
    context = await chromium.context(locale="en-US")
    page = await context.new_page()
    await page.goto(f"{shop.stack.sidecar_url}/console")
    await page.fill("input[name=email]", shop.buyer.email)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await expect(page.get_by_role("alert")).to_contain_text("no operator")
    assert await page.locator("#menu").count() == 0
    await context.close()


@pytest.mark.parametrize(
    ("scheme", "language", "width"), [("light", "en-US", 1280), ("dark", "ko-KR", 390)]
)
async def test_axe_finds_nothing_on_any_page(
    enter: Console, shop: Shop, scheme: str, language: str, width: int
) -> None:
    order_id, _ = await shop.bought()
    page = await enter(
        color_scheme=scheme, locale=language, viewport={"width": width, "height": 844}
    )
    for path in (*PAGES, f"orders/{order_id}", f"customers/{shop.buyer.id}"):
        assert await look(page, path) == [], path


async def test_names_with_markup_are_text_everywhere(enter: Console, shop: Shop) -> None:
    """A product, a note and a code of a customer's choice: none is taken for a part of the page."""
    order_id, _ = await shop.bought()
    shop.select(
        "update token_payments set name = %s, name_ko = %s where order_id = %s returning 1",
        MARKUP,
        MARKUP,
        order_id,
    )
    shop.select(
        "select coinslot.set_product('markup', %s, %s, 10, '{\"KRW\": 5000}'::jsonb)",
        MARKUP,
        MARKUP,
    )
    shop.select(
        "insert into coinslot.operator_actions (action, subject, reason) values "
        "('order_noted', %s, %s) returning 1",
        order_id,
        MARKUP,
    )
    page = await enter()
    try:
        for path in ("overview", "orders", f"orders/{order_id}", "catalogue", "log"):
            await page.evaluate("path => { location.hash = '#/' + path }", path)
            await expect(page.locator(".page")).to_contain_text(MARKUP)
            assert await page.locator(".page img, .page script, .page b[onclick]").count() == 0
        assert await page.evaluate("window.hit") is None
    finally:
        shop.select("select coinslot.remove_product('markup')")


async def test_a_refund_says_what_it_does_and_is_one_however_often_it_is_pressed(
    enter: Console, shop: Shop
) -> None:
    order_id, _ = await shop.bought()
    page = await enter(path=f"orders/{order_id}")
    await page.get_by_role("button", name="Refund", exact=True).click()
    dialog = page.locator("dialog#ask")
    await dialog.locator("input[name=amount]").fill("2000")
    await expect(dialog.locator(".changes")).to_contain_text("₩5,000 → ₩3,000")
    send = dialog.get_by_role("button", name="Refund ₩2,000")
    await send.click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Choose a reason")
    await dialog.locator("select[name=reason]").select_option("goodwill")
    await send.dblclick()
    await expect(dialog).to_be_hidden()
    await expect(page.locator(".timeline")).to_contain_text("Goodwill")
    rows = shop.select("select amount from coinslot.refunds where order_id = %s", order_id)
    assert rows == [(2000,)]


async def test_a_lost_answer_is_said_and_pressing_again_shows_the_truth(
    enter: Console, shop: Shop
) -> None:
    page = await enter(path=f"customers/{shop.buyer.id}")
    before = await shop.tokens()
    lost = 0

    async def lose_first(route: Route) -> None:
        nonlocal lost
        if not lost:
            lost = 1
            await route.fetch()  # it arrives, and its answer does not
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/rpc/token_console_act", lose_first)
    await page.get_by_role("button", name="Give tokens").click()
    dialog = page.locator("dialog#ask")
    await dialog.locator("input[name=tokens]").fill("7")
    await dialog.locator("select[name=reason]").select_option("goodwill")
    await dialog.get_by_role("button", name="Give 7 tokens").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("could not confirm")
    # Another sum would be another call: what was sent stays as it was.
    await expect(dialog.locator("input[name=tokens]")).to_be_disabled()
    await dialog.get_by_role("button", name="Check again").click()
    await expect(dialog).to_be_hidden()
    assert await shop.tokens() == before + 7


async def test_a_role_that_goes_while_a_dialog_is_open_does_nothing_more(
    enter: Console, shop: Shop
) -> None:
    page = await enter("finance", f"customers/{shop.buyer.id}")
    before = await shop.tokens()
    await page.get_by_role("button", name="Give tokens").click()
    dialog = page.locator("dialog#ask")
    await dialog.locator("input[name=tokens]").fill("7")
    await dialog.locator("select[name=reason]").select_option("goodwill")
    email = await page.locator(".person summary").inner_text()
    shop.select("select coinslot.remove_operator(%s)", email.strip())
    await dialog.get_by_role("button", name="Give 7 tokens").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("permission")
    assert await shop.tokens() == before


async def test_support_sees_masked_addresses_and_no_buttons_that_would_be_refused(
    enter: Console, shop: Shop
) -> None:
    order_id, _ = await shop.bought()
    page = await enter("support", f"orders/{order_id}")
    assert shop.buyer.email not in await page.content()
    assert await page.get_by_role("button", name="Refund", exact=True).count() == 0
    await page.evaluate(f"location.hash = '#/customers/{shop.buyer.id}'")
    await page.get_by_role("button", name="Show contact").click()
    dialog = page.locator("dialog#ask")
    await dialog.locator("select[name=reason]").select_option("requested_by_customer")
    await dialog.get_by_role("button", name="Show contact").click()
    await expect(page.locator("h1")).to_contain_text(shop.buyer.email)


async def test_keys_lead_everywhere(enter: Console, shop: Shop) -> None:
    await shop.bought()
    page = await enter()
    await page.keyboard.press("g")
    await page.keyboard.press("r")
    await expect(page.locator("h1")).to_have_text("Orders")
    await expect(page.locator("tr.opens").first).to_be_visible()
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.locator(".timeline")).to_be_visible()
    await page.keyboard.press("/")
    await page.keyboard.type(shop.buyer.email)
    await page.keyboard.press("Enter")
    await expect(page.locator(".page")).to_contain_text(shop.buyer.email)


async def test_it_weighs_little(shop: Shop) -> None:
    page = (await shop.http.get(f"{shop.stack.sidecar_url}/console")).text
    weight = len(page)
    for part in set(page.split('"')):
        if part.startswith("/web/pages/") and part.endswith((".js", ".css")):
            weight += (ROOT / "build" / f"{part.removeprefix('/')}.gz").stat().st_size
    assert 20_000 < weight <= BYTES
