"""The operators' console as a person opens it, for the tests of its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playwright.async_api import expect

from devstack.settings import ROOT
from tests.browser.contexts import end
from tests.support.refund_desks import operator_of
from tests.support.stacks import PASSWORD

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.conftest import Chromium
    from tests.support.shop import Shop

AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
VIOLATIONS = """
  window.violations = []
  document.addEventListener('securitypolicyviolation', (event) =>
    window.violations.push(`${event.violatedDirective} ${event.sourceFile}:${event.lineNumber}`))
"""
_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Console:
    """Pages of operators who have signed in, and what went wrong on them."""

    def __init__(self, chromium: Chromium, shop: Shop) -> None:
        self._chromium = chromium
        self._shop = shop
        self._pages: list[Page] = []
        self._faults: list[str] = []

    async def __call__(
        self,
        role: str = "owner",
        path: str = "overview",
        **options: Any,  # noqa: ANN401 - Playwright's, of a context
    ) -> Page:
        operator = operator_of(self._shop, role)
        context = await self._chromium.context(**{"locale": "en-US", **options})
        page = await context.new_page()
        page.on("pageerror", lambda error: self._faults.append(str(error)))
        await page.add_init_script(VIOLATIONS)
        await page.goto(f"{self._shop.stack.sidecar_url}/console#/{path}")
        await page.fill("input[name=email]", operator.email)
        await page.fill("input[name=password]", PASSWORD)
        await page.click("button[type=submit]")
        await expect(page.locator("#menu")).to_be_attached()
        await expect(page.locator(".page")).to_be_visible()
        self._pages.append(page)
        return page

    async def close(self) -> None:
        """The policy was kept by all, and no script has failed."""
        for page in self._pages:
            assert await page.evaluate("window.violations") == []
            await end(page.context)
        assert self._faults == []


async def look(page: Page, path: str) -> list[str]:
    """Goes to a page of the console; what axe finds there, and what is wider than the window."""
    await page.evaluate("path => { location.hash = '#/' + path }", path)
    await expect(page.locator(".page h1, main h1").first).to_be_visible()
    await page.wait_for_timeout(100)
    # Playwright's evaluation is no script of the page: the policy does not stand in its way.
    await page.evaluate(AXE)
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    wide = ["wider than the window"] if await page.evaluate(_WIDE) > 0 else []
    return wide + [
        f"{each['id']}: {node['html'][:120]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
