"""A person in front of the store page, in a real Chromium."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Error, expect

from devstack.settings import ROOT
from tests.browser.contexts import end
from tests.support.sizes import sized
from tests.support.stacks import PASSWORD

if TYPE_CHECKING:
    from playwright.async_api import (
        BrowserContext,
        ConsoleMessage,
        FrameLocator,
        Locator,
        Page,
        Request,
        Response,
    )

    from tests.support.shop import Shop

# Beside its computer, and as wide as the narrowest phone that is sold.
DEVICES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
        "user_agent": "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like "
        "Gecko) Chrome/150.0.0.0 Mobile Safari/537.36",
    },
}
PATIENCE = 60_000
"""Milliseconds that anything may take to be there, on a machine that is busy with other tests."""
_NO_ANSWER = 0
CLOSED = re.compile("Payment closed|Payment not completed")
"""In the store, and on the return page."""
GATEWAYS = {"PortOne": "portone", "Toss Payments": "toss", "Stripe": "stripe"}
"""By the names that people know, which the store shows nowhere."""


def on_both(suite: str) -> pytest.MarkDecorator:
    """A test that differs between a computer and a phone in what it drives alone: in the suite on
    one of them, as a proof on both."""
    return pytest.mark.parametrize("device", sized([suite], proofs=list(DEVICES)))


@dataclass
class Shopper:
    shop: Shop
    context: BrowserContext
    page: Page
    url: str
    phone: bool
    expected: set[str] = field(default_factory=set)
    """Which failures the browser may tell of: "409 /payment/toss/confirm", and 0 for no answer."""
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Of this page and whatever it opens."""
        self.context.on("console", self._heard)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.context.on("page", self._follow)
        self.context.on("request", self._asked)
        self.context.on("response", self._answered)

        self._follow(self.page)

    def _follow(self, page: Page) -> None:
        page.on("crash", lambda crashed: self.complaints.append(f"crashed at {crashed.url}"))

    def expects(self, *failures: str) -> None:
        self.expected.update(failures)

    def _expected(self, status: int, url: str) -> bool:
        return any(
            fnmatch(f"{status} {urlsplit(url).path}", expected) for expected in self.expected
        )

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        # Chromium says so of every refusal: which one it was, the response tells better.
        refused = message.text.startswith("Failed to load resource: the server responded")
        unanswered = message.text.startswith("Failed to load resource: net::")
        url = message.location["url"]
        if not refused and not (unanswered and self._expected(_NO_ANSWER, url)):
            self.complaints.append(f"{message.type}: {message.text} at {url}")

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)
        host = urlsplit(request.url).hostname
        if host not in {"127.0.0.1", None, ""}:
            self.complaints.append(f"asked {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and not self._expected(response.status, response.url):
            asked = f"{response.request.method} {response.url}"
            self.complaints.append(f"{response.status} to {asked}")

    # ---- on the page ----

    @property
    def balance(self) -> Locator:
        return self.page.locator("header coinslot-balance")

    @property
    def store(self) -> Locator:
        return self.page.locator("coinslot-store#shop")

    @property
    def paywall(self) -> Locator:
        return self.page.locator("coinslot-paywall")

    @property
    def history(self) -> Locator:
        return self.page.locator("coinslot-history")

    @property
    def reply(self) -> Locator:
        return self.page.locator("#ask .reply")

    def notice(self, text: str | re.Pattern[str]) -> Locator:
        """The message about their money."""
        return self.page.locator(".told").filter(has_text=text)

    async def told(self, text: str | re.Pattern[str]) -> None:
        try:
            await expect(self.notice(text).first).to_be_visible()
        except AssertionError:
            shown = await self.page.locator("body").inner_text()
            pytest.fail(f"not told {text!r} at {self.page.url} but:\n{shown}")

    async def has(self, tokens: int) -> None:
        """On the screen, and in the database."""
        await expect(self.balance).to_contain_text(re.compile(rf"(?<!\d){tokens}(?!\d)"))
        assert await self.shop.tokens() == tokens

    async def has_shown_it(self) -> None:
        """Waits for everything that has arrived, and for its effects."""
        await self.page.evaluate("() => new Promise((done) => setTimeout(done, 100))")

    async def opens(self) -> None:
        await self.page.goto(f"{self.url}/store")
        await expect(self.store.locator(".pack").first).to_be_visible()

    async def choose(
        self, gateway: str, method: str = "Card", store: Locator | None = None
    ) -> None:
        """Through one gateway, which a page may ask for; Stripe takes dollars, the others won."""
        await self.checks_out(store)
        asked = {"gateway": GATEWAYS.get(gateway, gateway.lower())}
        asked["currency"] = "USD" if gateway == "Stripe" else "KRW"
        await (store or self.store).evaluate(
            """(store, asked) => {
              store.currency = null
              return store.updateComplete.then(() => Object.assign(store, asked).updateComplete)
            }""",
            asked,
        )
        tile = (store or self.store).locator(".method").filter(has_text=method)
        if await tile.count():
            await tile.click()

    async def checks_out(self, store: Locator | None = None) -> None:
        """Leaves what became of the last purchase."""
        left = (store or self.store).locator(".result .actions button:not([name=receipt])").last
        if await left.is_visible():
            await left.click()
        await expect((store or self.store).locator(".pack").first).to_be_visible()

    def pack(self, name: str, store: Locator | None = None) -> Locator:
        return (store or self.store).locator(".pack").filter(has_text=name)

    def pay_button(self, store: Locator | None = None) -> Locator:
        return (store or self.store).locator("#pay")

    async def buy(self, pack: str = "Starter Pack", store: Locator | None = None) -> None:
        await self.checks_out(store)
        await self.pack(pack, store).click()
        await self.pay_button(store).click()

    # ---- in the gateway's window ----

    @property
    def window(self) -> FrameLocator | Page:
        """Over the page on a computer; on a phone it takes the page's place."""
        return self.page if self.phone else self.page.frame_locator("body > iframe")

    async def clicks(self, button: str) -> None:
        await self.window.get_by_role("button", name=button).click()

    async def pays_with(self, card: str, store: Locator | None = None) -> None:
        """In the frame that Stripe has in the page."""
        # Asked for again, the order of a payment that the webhook has settled first is "over".
        self.expects("400 /payment/stripe/create")
        form = store or self.store
        await form.frame_locator("iframe").locator("label").filter(has_text=card).click()
        await self.pay_button(form).click()

    async def another_tab(self) -> Shopper:
        tab = replace(self, page=await self.context.new_page())
        await tab.opens()
        return tab

    async def at_the_bank(self) -> Page:
        """The simulated bank, in a tab of its own."""
        async with self.context.expect_page() as opened:
            await self.page.locator("#bank").click()
        return await opened.value

    async def asks(self, question: str, button: str = "Ask") -> None:
        await self.page.get_by_label("What would you like to know?").fill(question)
        await self.page.get_by_role("button", name=re.compile(f"^{button}")).click()

    async def signs_in(self, email: str, password: str = PASSWORD, button: str = "Sign in") -> None:
        """In the dialog, which is opened where it is not open."""
        dialog = self.page.locator("#welcome")
        if not await dialog.is_visible():
            await self.page.locator("#enter").click()
        await dialog.get_by_label("Email").fill(email)
        await dialog.get_by_label("Password").fill(password)
        await dialog.get_by_role("button", name=button).click()

    async def gives_way_to_mina(self) -> None:
        await self.page.get_by_role("button", name="Sign out").click()
        await self.page.locator("#enter").click()
        await self.page.get_by_role("button", name="Continue as Mina").click()
        await expect(self.page.locator("#who")).to_have_text("김미나")

    async def back_in_the_store(self) -> None:
        """From the page that the gateway sent the buyer to, where there was one."""
        if "/payment/" in self.page.url:
            await self.page.locator(
                "coinslot-result .actions button:not([name=receipt])"
            ).last.click()
            await self.page.wait_for_url("**/store")
        await self.checks_out()

    async def screenshot(self, name: str) -> None:
        await self.page.screenshot(path=ROOT / f".devstack-test/{name}.png")

    def order_id(self) -> str:
        """Of the latest order."""
        query = (
            "select order_id from token_payments where user_id = %s "
            "order by created_at desc limit 1"
        )
        found = self.shop.select(query, self.shop.buyer.id)
        return str(found[0][0])

    def orders(self) -> list[str]:
        """The status of each order, oldest first."""
        query = "select status from token_payments where user_id = %s order by created_at"
        return [status for (status,) in self.shop.select(query, self.shop.buyer.id)]

    async def close(self) -> None:
        try:
            await end(self.context)
        except Error as error:
            self.complaints.append(str(error))
