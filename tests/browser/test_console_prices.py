"""Prices that are planned in the console, saved views, and where a payment is at Stripe."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.console import look

if TYPE_CHECKING:
    from playwright.async_api import Page, Route

    from tests.browser.console import Console
    from tests.support.shop import Shop

SEOUL = {"timezone_id": "Asia/Seoul"}
YEAR = datetime.now(UTC).year + 1
IN_UTC = "to_char(starts_at at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS')"


async def test_a_price_is_planned_shown_and_taken_back(enter: Console, shop: Shop) -> None:
    page = await enter(path="catalogue", **SEOUL)
    await _planned(page, f"{YEAR}-02-01T00:00", "6000")
    card = page.locator(".product", has_text="Starter Pack")
    await expect(card).to_contain_text("₩5,000 → ₩6,000")
    await expect(card).to_contain_text(f"Feb 1, {YEAR}, 12:00:00 AM")
    rows = shop.select(f"select product_id, amount, {IN_UTC} from coinslot.planned_prices")
    assert rows == [("starter", 6000, f"{YEAR}-01-31 15:00:00")]
    await page.locator("input[name=at]").fill(f"{YEAR}-02-01T00:00")
    await page.locator("input[name=at]").press("Tab")
    await expect(card.locator("dl").first).to_contain_text("₩6,000 ₩600 each")
    await page.locator("input[name=at]").fill(f"{YEAR}-01-31T23:59")
    await page.locator("input[name=at]").press("Tab")
    await expect(card.locator("dl").first).to_contain_text("₩5,000 ₩500 each")
    await expect(card.locator(".chip")).to_have_count(0)
    await page.locator("input[name=at]").fill(f"{YEAR}-02-01T00:00")
    await page.locator("input[name=at]").press("Tab")
    standard = page.locator(".product", has_text="Standard Pack")
    await expect(standard.locator("dl").first).to_contain_text("₩12,000 ₩400 each save 33%")
    await page.locator("input[name=at]").fill("")
    await page.locator("input[name=at]").press("Tab")
    await expect(standard.locator("dl").first).to_contain_text("₩12,000 ₩400 each save 20%")
    await card.get_by_role("button", name="Take back").click()
    dialog = page.locator("dialog#ask")
    await expect(dialog.locator(".changes")).to_contain_text("₩6,000 → ₩5,000")
    await dialog.locator("select[name=reason]").select_option("correction")
    await dialog.get_by_role("button", name="Take back").click()
    await expect(dialog).to_be_hidden()
    await expect(card.get_by_role("button", name="Take back")).to_have_count(0)
    assert shop.select("select * from coinslot.planned_prices") == []
    await page.evaluate("location.hash = '#/log?action=price_planned'")
    await expect(page.locator("table")).to_contain_text("price: 5000 → 6000")


async def test_a_price_that_has_begun_is_told_with_who_planned_it(
    enter: Console, shop: Shop
) -> None:
    page = await enter(path="catalogue", **SEOUL)
    await _planned(page, f"{YEAR}-02-01T00:00", "6000")
    card = page.locator(".product", has_text="Starter Pack")
    moved = """
        with noted as (
          insert into coinslot.operator_actions (actor, role, action, subject, detail)
          select actor, role, action, subject,
            detail || jsonb_build_object('starts_at', date_trunc('second', now()))
          from coinslot.operator_actions where action = 'price_planned' order by id desc limit 1
        )
        update coinslot.planned_prices set starts_at = date_trunc('second', now()) returning 1
    """
    try:
        assert len(shop.select(moved)) == 1
        await page.reload()
        await expect(card).to_contain_text("Begun as planned")
        await expect(card).to_contain_text("₩5,000 → ₩6,000")
        await expect(card).to_contain_text(re.compile("planned by .+@example.com"))
        await expect(card.get_by_role("button", name="Take back")).to_have_count(0)
        await shop.rpc("coinslot_run_maintenance")
        await card.get_by_role("link", name="History: Starter Pack").click()
        row = page.locator("tbody tr", has_text="Planned price began")
        await expect(row).to_contain_text("price: 5000 → 6000")
        await expect(row).to_contain_text(re.compile("planned by .+@example.com"))
    finally:
        shop.select(
            "update token_prices set amount = 5000 "
            "where (product_id, currency) = ('starter', 'KRW') returning 1"
        )


async def test_a_view_is_saved_for_its_operator_and_removed(enter: Console) -> None:
    page = await enter(path="orders?status=refunded&currency=KRW")
    views = page.get_by_role("navigation", name="Saved views")
    await views.get_by_role("button", name="Save view").click()
    dialog = page.locator("dialog#ask")
    await dialog.get_by_role("button", name="Save view").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Give it a name")
    await dialog.locator("textarea[name=note]").fill("Refunds in won")
    await dialog.get_by_role("button", name="Save view").click()
    await expect(dialog).to_be_hidden()
    await page.evaluate("location.hash = '#/orders'")
    await views.get_by_role("link", name="Refunds in won").click()
    await expect(page.locator("select[name=status]")).to_have_value("refunded")
    await expect(page.locator("select[name=currency]")).to_have_value("KRW")
    await page.evaluate("location.hash = '#/refunds'")
    await expect(page.locator("h1")).to_have_text("Refunds")
    await expect(views).to_have_count(0)
    await page.evaluate("location.hash = '#/orders'")
    await views.get_by_role("button", name="Remove the view Refunds in won").click()
    await expect(views).to_have_count(0)


async def test_a_payment_at_stripe_is_linked_and_others_are_not(enter: Console, shop: Shop) -> None:
    order_id, _ = await shop.bought()
    page = await enter(path=f"orders/{order_id}")
    await expect(page.locator(".timeline")).to_be_visible()
    assert await page.locator("a[target=_blank]").count() == 0
    answer = {"gateway": "stripe", "payment_key": "pi_123", "live": False}
    await page.route("**/rpc/token_console_get", lambda route: _as_stripes(route, answer))
    await page.reload()
    link = page.get_by_role("link", name="Open in Stripe").first
    await expect(link).to_have_attribute(
        "href", "https://dashboard.stripe.com/test/payments/pi_123"
    )
    await expect(link).to_have_attribute("rel", "noreferrer noopener")


@pytest.mark.parametrize(
    ("scheme", "language", "width"), [("light", "en-US", 1280), ("dark", "ko-KR", 390)]
)
async def test_axe_finds_nothing_on_a_catalogue_with_plans_and_on_saved_views(
    enter: Console, shop: Shop, scheme: str, language: str, width: int
) -> None:
    page = await enter(
        path="orders?currency=KRW",
        color_scheme=scheme,
        locale=language,
        viewport={"width": width, "height": 844},
    )
    await page.locator(".saved button").click()
    await page.locator("dialog#ask textarea").fill("KRW")
    await page.locator("dialog#ask button[type=submit]").click()
    await expect(page.locator(".saved a")).to_be_visible()
    assert await look(page, "orders?currency=KRW") == []
    shop.select(
        "insert into coinslot.planned_prices values "
        "('standard', 'KRW', now() + interval '1 day', 15000) returning 1"
    )
    try:
        assert await look(page, "catalogue") == []
        card = page.locator(".product", has_text="standard")
        await card.locator(".actions button").nth(1).click()
        await page.locator("dialog#ask input[name=amount]").fill("14000")
        assert await look(page, "catalogue") == []
    finally:
        shop.select("delete from coinslot.planned_prices returning 1")


async def _as_stripes(route: Route, told: dict[str, object]) -> None:
    answer = await route.fetch()
    data = await answer.json()
    for each in [data["order"], *data["attempts"]] if "attempts" in data else []:
        each.update(told)
    await route.fulfill(response=answer, json=data)


async def _planned(page: Page, starts: str, amount: str) -> None:
    card = page.locator(".product", has_text="Starter Pack")
    await card.get_by_role("button", name="Plan a price").click()
    dialog = page.locator("dialog#ask")
    await dialog.locator("select[name=currency]").select_option("KRW")
    await dialog.locator("input[name=amount]").fill(amount)
    await dialog.locator("input[name=starts]").fill(starts)
    await expect(dialog.locator(".changes")).to_contain_text("₩5,000 → ₩6,000")
    await expect(dialog.locator(".preview")).to_contain_text("₩600 each")
    await dialog.locator("select[name=reason]").select_option("correction")
    await dialog.get_by_role("button", name="Plan", exact=True).click()
    await expect(dialog).to_be_hidden()
