"""The operators' console in a browser: every page, every dialog, under its strict policy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from devstack.settings import ROOT
from tests.support.refund_desks import operator_of
from tests.support.shop import Shop
from tests.support.stacks import PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import httpx
    from playwright.async_api import Page, Route

    from tests.browser.conftest import Chromium
    from tests.support.stacks import LocalStack

    Enter = Callable[..., Awaitable[Page]]

AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
BYTES = 110_000
VIOLATIONS = """
  window.violations = []
  document.addEventListener('securitypolicyviolation', (event) =>
    window.violations.push(`${event.violatedDirective} ${event.sourceFile}:${event.lineNumber}`))
"""
PAGES = (
    *("overview", "orders", "customers", "review", "refunds", "catalogue", "codes", "webhooks"),
    *("reports/sales", "reports/funnel", "reports/tokens", "reports/liability", "team", "log"),
    "search?q=nothing-like-it",
)


@pytest.fixture
def shop(stack: LocalStack, http: httpx.AsyncClient) -> Shop:
    return Shop(stack, http, stack.sign_up(), stack.sidecar_url)


@pytest_asyncio.fixture
async def enter(chromium: Chromium, shop: Shop) -> AsyncIterator[Enter]:
    """Signs an operator in, as a person does. At the end the policy was kept by all."""
    pages: list[Page] = []
    faults: list[str] = []

    async def arrive(role: str = "owner", path: str = "overview", **options: Any) -> Page:  # noqa: ANN401
        operator = operator_of(shop, role)
        context = await chromium.context(**{"locale": "en-US", **options})
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        await page.add_init_script(VIOLATIONS)
        await page.goto(f"{shop.stack.sidecar_url}/console#/{path}")
        await page.fill("input[name=email]", operator.email)
        await page.fill("input[name=password]", PASSWORD)
        await page.click("button[type=submit]")
        await expect(page.locator("#menu")).to_be_attached()
        await expect(page.locator(".page")).to_be_visible()
        pages.append(page)
        return page

    yield arrive
    for page in pages:
        assert await page.evaluate("window.violations") == []
        await page.context.close()
    assert faults == []


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
    enter: Enter, shop: Shop, scheme: str, language: str, width: int
) -> None:
    order_id, _ = await shop.bought()
    page = await enter(
        color_scheme=scheme, locale=language, viewport={"width": width, "height": 844}
    )
    for path in (*PAGES, f"orders/{order_id}", f"customers/{shop.buyer.id}"):
        await page.evaluate("path => { location.hash = '#/' + path }", path)
        await expect(page.locator(".page h1, main h1").first).to_be_visible()
        await asyncio.sleep(0.1)
        assert await _axe(page) == [], path
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await page.evaluate(wide) <= 0, path


async def _axe(page: Page) -> list[str]:
    # Playwright's evaluation is no script of the page: the policy does not stand in its way.
    await page.evaluate(AXE)
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['html'][:120]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


async def test_a_refund_says_what_it_does_and_is_one_however_often_it_is_pressed(
    enter: Enter, shop: Shop
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
    enter: Enter, shop: Shop
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
    await dialog.get_by_role("button", name="Check again").click()
    await expect(dialog).to_be_hidden()
    assert await shop.tokens() == before + 7


async def test_a_role_that_goes_while_a_dialog_is_open_does_nothing_more(
    enter: Enter, shop: Shop
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
    enter: Enter, shop: Shop
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


async def test_keys_lead_everywhere(enter: Enter, shop: Shop) -> None:
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
