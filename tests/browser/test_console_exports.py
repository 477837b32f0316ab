"""Whole lists as files: read page by page, gone on with after a reload, saved, and forgotten."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.console import look

if TYPE_CHECKING:
    from playwright.async_api import Page, Route

    from tests.browser.console import Console
    from tests.support.shop import Shop

ROWS = 1200
_KEPT = """async () => {
  const root = await navigator.storage.getDirectory()
  const all = await root.getDirectoryHandle('coinslot-exports').catch(() => null)
  const names = []
  if (all) for await (const name of all.keys()) names.push(name)
  return names.length
}"""


@pytest.fixture
async def orders(shop: Shop) -> list[str]:
    """More orders of one buyer than two pages have, made an hour ago."""
    order_id, _ = await shop.bought()
    rows = shop.select(
        """insert into token_payments select (jsonb_populate_record(p, jsonb_build_object(
          'id', gen_random_uuid(), 'order_id', 'ord_' || replace(gen_random_uuid()::text, '-', ''),
          'idempotency_key', null, 'payment_key', null, 'status', 'pending', 'paid', 0,
          'confirmed_at', null, 'expires_at', now() + interval '1 day', 'name', '=HYPERLINK("x")',
          'created_at', now() - interval '1 hour' - n * interval '1 second'
        ))).* from token_payments p, generate_series(1, %s) n where p.order_id = %s
        returning order_id""",
        ROWS,
        order_id,
    )
    return [each for (each,) in rows]


async def test_a_long_list_is_read_in_pages_gone_on_with_and_saved(
    enter: Console, shop: Shop, orders: list[str]
) -> None:
    page = await enter("finance", f"orders?user={shop.buyer.id}")
    asked: set[str] = set()

    async def watched(route: Route) -> None:
        body = route.request.post_data or ""
        if '"export"' in body:
            asked.add(body)
        # The network is gone for the third page, and stays so.
        await (route.abort() if len(asked) > 2 else route.continue_())

    await page.route("**/rpc/token_console_list", watched)
    await _begun(page, "csv")
    card = page.locator(".export")
    await expect(card.locator("[role=status]")).to_contain_text("1,000 rows")
    await page.unroute("**/rpc/token_console_list")
    await page.reload()
    await expect(card.locator("[role=status]")).to_contain_text("Paused. 1,000 rows")
    await card.get_by_role("button", name="Go on").click()
    await expect(card.locator("[role=status]")).to_contain_text(f"Ready. {ROWS:,} rows")
    rows = list(csv.DictReader(io.StringIO(await _saved(page))))
    assert [row["order_id"] for row in rows] == orders
    assert {row["name"] for row in rows} == {'\'=HYPERLINK("x")'}
    assert {row["email"] for row in rows} == {f"{shop.buyer.email[0]}***@example.com"}
    await page.locator("summary").first.click()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.locator("input[name=email]")).to_be_visible()
    assert await page.evaluate(_KEPT) == 0


async def test_an_export_is_removed_with_what_was_read(
    enter: Console, shop: Shop, orders: list[str]
) -> None:
    page = await enter("owner", f"orders?user={shop.buyer.id}")
    await _begun(page, "jsonl")
    card = page.locator(".export")
    await expect(card.locator("[role=status]")).to_contain_text(f"Ready. {len(orders):,} rows")
    assert await page.evaluate(_KEPT) == 1
    await card.get_by_role("button", name="Remove").click()
    dialog = page.locator("dialog#ask")
    await dialog.locator("textarea[name=note]").fill("not needed")
    await dialog.get_by_role("button", name="Remove").click()
    await expect(card).to_have_count(0)
    await expect(page.locator(".empty")).to_be_visible()
    await page.wait_for_function(f"async () => await ({_KEPT})() === 0")
    await page.evaluate("location.hash = '#/log?action=list_exported'")
    await expect(page.locator("table")).to_contain_text("for the auditor")


@pytest.mark.parametrize(
    ("scheme", "language", "width"), [("light", "en-US", 1280), ("dark", "ko-KR", 390)]
)
async def test_axe_finds_nothing_on_exports(
    enter: Console, shop: Shop, scheme: str, language: str, width: int
) -> None:
    await shop.bought()
    page = await enter(
        color_scheme=scheme, locale=language, viewport={"width": width, "height": 844}
    )
    assert await look(page, "exports") == []
    await page.evaluate("location.hash = '#/refunds'")
    await page.locator(".heading button").first.click()
    await page.locator("dialog#ask textarea").fill("because")
    await page.locator("dialog#ask button[type=submit]").click()
    await expect(page.locator(".export .main")).to_be_visible()
    assert await look(page, "exports") == []
    support = await enter("support", "exports")
    assert await support.locator("main button").count() == 0


async def _begun(page: Page, format_: str) -> None:
    await page.get_by_role("button", name="Export", exact=True).click()
    dialog = page.locator("dialog#ask")
    await dialog.locator("select[name=format]").select_option(format_)
    await dialog.locator("textarea[name=note]").fill("for the auditor")
    await dialog.get_by_role("button", name="Export").click()


async def _saved(page: Page) -> str:
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Save file").click()
    return _text(Path(await (await download.value).path()))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")
