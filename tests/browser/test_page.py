"""The page itself: who gets in, how it is read, and names nobody expects."""

from __future__ import annotations

import asyncio
import json
import re
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.async_api import expect

from devstack.settings import ROOT
from tests.browser.shopper import CLOSED, on_both
from tests.support.sizes import sized
from tests.web.test_texts import KINDS

if TYPE_CHECKING:
    from playwright.async_api import Page, Response, Route

    from tests.browser.conftest import Browse
    from tests.browser.shopper import Shopper

WEB = ROOT / "sidecar/web"
AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
NAMES = {
    "markup": "<img src=x onerror=alert(1)><b>Bold</b>&amp;",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈 Zoë",
    "right-to-left": "شركة الرموز \u202e evil",
    "10,000 characters": "김토큰".ljust(10_000, "W"),
}


async def test_a_newcomer_sees_the_prices_and_signs_in_with_one_click(browse: Browse) -> None:
    visitor = await browse()
    page = visitor.page
    await visitor.gives_way_to_mina()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.locator("#enter")).to_be_visible()
    await expect(visitor.pack("Starter Pack")).to_contain_text("$4.00")
    await expect(visitor.balance).to_be_hidden()
    await expect(page.locator("#trouble")).to_be_hidden()


async def test_an_account_is_made_and_a_wrong_password_refused(browse: Browse) -> None:
    visitor = await browse()
    visitor.expects("400 /auth/v1/token", "422 /auth/v1/signup")
    email, said = visitor.shop.buyer.email, visitor.page.locator("#credentials .said")
    await visitor.page.get_by_role("button", name="Sign out").click()
    await visitor.signs_in(email, "not it")
    await expect(said).to_contain_text("doesn’t match")
    await visitor.signs_in(email, button="Create account")
    await expect(said).to_contain_text("already have an account")
    await visitor.signs_in(f"new-{email}", button="Create account")
    await expect(visitor.balance).to_contain_text("5")


@on_both("desktop")
async def test_nothing_bars_anybody(browse: Browse, device: str) -> None:
    """axe-core finds nothing in any state of the page, in either language, in light and dark."""
    person = await browse(device, reduced_motion="reduce")
    person.expects("402 /functions/v1/ask")
    await accessible(person.page)
    await person.choose("Stripe")
    await person.buy()
    await expect(person.store.frame_locator("iframe").get_by_text("Test card")).to_be_visible()
    await accessible(person.page)
    await person.pays_with("is paid")
    await person.told("10 tokens added")
    await accessible(person.page)
    await person.page.get_by_role("link", name="한국어").click()
    await expect(person.page.get_by_role("heading", name="토큰 충전")).to_be_visible()
    await accessible(person.page)
    await person.page.get_by_role("button", name="로그아웃").click()
    await person.page.locator("#enter").click()
    await expect(person.page.get_by_role("button", name="회원가입하기")).to_be_visible()
    await accessible(person.page)


@pytest.mark.proof
async def test_nothing_bars_anybody_on_the_way_through_a_payment(browse: Browse) -> None:
    person = await browse("phone", reduced_motion="reduce")
    person.expects("402 /functions/v1/ask")
    await person.shop.rpc(
        "spend_tokens", person.shop.buyer, amount=5, idempotency_key="all", reason="before"
    )
    await person.asks("And now?")
    await expect(person.paywall).to_contain_text("short")
    await accessible(person.page)
    store = person.paywall.locator("coinslot-store")
    await person.choose("Toss Payments", "Virtual account", store=store)
    await person.buy(store=store)
    await expect(person.page.get_by_role("button", name="Get a virtual account")).to_be_visible()
    await accessible(person.page)
    await person.clicks("Get a virtual account")
    await person.told("Transfer ₩5,000 by")
    await accessible(person.page)
    await person.back_in_the_store()
    bank = await person.at_the_bank()
    await expect(bank.get_by_role("button").first).to_be_visible()
    await accessible(bank)


@pytest.mark.parametrize("language", sized(["ko-KR"], proofs=["ko-KR", "en-US"]))
async def test_nothing_bars_anybody_in_any_state(browse: Browse, language: str) -> None:
    """All of them, one below the other, on the narrowest phone: read, and wholly on it."""
    narrow = {"width": 320, "height": 700}
    person = await browse("phone", locale=language, reduced_motion="reduce", viewport=narrow)
    await person.page.goto(f"{person.url}/store?state=all")
    states = person.page.locator("coinslot-states figure")
    await expect(states.nth(len(KINDS))).to_be_visible()
    text = await person.page.locator("coinslot-states").inner_text()
    assert not re.search(r"undefined|null|NaN|\{\w+\}", text)
    await accessible(person.page)
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await person.page.evaluate(wide) == 0


NAMED = re.compile("portone|포트원|toss payments|토스페이먼츠|stripe", re.IGNORECASE)


async def test_a_buyer_reads_no_gateways_name(browse: Browse) -> None:
    """But for the one that a card's fields belong to."""
    for locale, currency in (("ko-KR", "KRW"), ("en-US", "KRW")):
        person = await browse("phone", locale=locale)
        await person.store.evaluate("(store, asked) => (store.currency = asked)", currency)
        await expect(person.store.locator(".method").first).to_be_visible()
        assert not NAMED.search(await person.page.locator("main").inner_text())


async def test_everything_that_decides_is_on_the_first_screen_of_a_phone(browse: Browse) -> None:
    person = await browse("phone", locale="ko-KR")
    for part in (person.store.locator(".pack").last, person.store.locator(".method").last):
        await expect(part).to_be_in_viewport(ratio=1)
    await expect(person.pay_button()).to_be_in_viewport(ratio=1)


async def accessible(page: Page) -> None:
    """Evaluated from outside, which the page's policy does not touch; frames are looked into."""
    for frame in page.frames:
        await frame.evaluate(AXE)
        await frame.evaluate("axe.configure({allowedOrigins: ['<unsafe_all_origins>']})")
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        told = [
            f"{each['id']}: {node['html'][:160]} {node['failureSummary']}"
            for each in found["violations"]
            for node in each["nodes"]
        ]
        assert told == [], scheme


async def test_everything_can_be_done_from_the_keyboard(browse: Browse) -> None:
    person = await browse()
    person.expects("400 /api/payments/complete")
    keys = person.page.keyboard
    await person.choose("PortOne")
    await person.pack("Starter Pack").locator("input").focus()
    await keys.press("ArrowDown")
    await expect(person.pay_button()).to_have_text("Pay ₩12,000")
    await keys.press("ArrowUp")
    await keys.press("Tab")  # the methods, of which the chosen one is next
    await expect(person.store.locator(".method input:checked")).to_be_focused()
    await person.pay_button().focus()
    await keys.press("Enter")
    pay = person.window.get_by_role("button", name="Pay ₩5,000")
    await expect(pay).to_be_visible()
    await keys.press("Tab")
    await expect(person.window.get_by_label("Card company")).to_be_focused()
    await keys.press("Tab")
    await expect(pay).to_be_focused()
    await keys.press("Enter")
    await person.told("10 tokens added")
    await expect(person.store.locator("#result")).to_be_focused()
    await keys.press("Tab")
    await keys.press("Enter")
    await expect(person.pay_button()).to_be_focused()
    await keys.press("Enter")
    await expect(pay).to_be_visible()
    await keys.press("Escape")
    await person.told(CLOSED)
    await expect(person.pay_button()).to_be_focused()


@pytest.mark.parametrize("kind", sized(["markup"], proofs=list(NAMES)))
async def test_a_name_that_nobody_expects(browse: Browse, kind: str) -> None:
    """Of a person and of a product: shown as text, and breaking nothing, even where room is short
    and the window has the page's place."""
    name = NAMES[kind]
    person = await browse("phone")
    person.expects("400 /api/payments/complete")  # the order that was left unpaid
    body = {"full_name": name}
    metadata = "update auth.users set raw_user_meta_data = %s::jsonb where id = %s"
    rename = "update token_products set name = %s where id = 'starter' returning name"
    with person.shop.stack.connect() as connection:
        connection.execute(metadata, [json.dumps(body), person.shop.buyer.id])
        connection.execute(rename, [name])
        try:
            await shown(person, name)
        finally:
            connection.execute(rename, ["Starter Pack"])


async def shown(person: Shopper, name: str) -> None:
    # Signed in once more: the name is in the token that goes with every request from now on.
    await person.page.evaluate("localStorage.clear()")
    # The page has its packs from a moment ago.
    for _ in range(100):
        page = (await person.shop.http.get(f"{person.url}/store")).text
        if name[:20] in unescape(page):
            break
        await asyncio.sleep(0.2)
    await person.page.reload()
    await person.signs_in(person.shop.buyer.email)
    await expect(person.page.locator("#who")).to_contain_text(name[:20])
    await expect(person.store.locator(".pack").first).to_contain_text(name[:20])
    await person.choose("PortOne")
    await person.store.locator(".pack").first.click()
    await person.pay_button().click()
    await expect(person.window.locator("h1#title")).to_contain_text(name[:20])
    await person.page.go_back()
    await person.told("Finish your payment?")
    told = person.store.locator(".told .say").first
    # Isolated, so that no mark in it turns the rest of the sentence around.
    await expect(told).to_contain_text(f"\u2068{name[:20]}")
    await expect(told).to_contain_text("\u2069 for ₩5,000. You haven’t been charged.")
    await person.page.get_by_role("button", name="Continue to payment").click()
    await person.clicks("Pay ₩5,000")
    await person.told("10 tokens added")
    await person.back_in_the_store()
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await person.page.evaluate(wide) == 0


@pytest.mark.parametrize(
    ("page", "script"),
    [pytest.param("store", "demo", marks=pytest.mark.proof), ("payment/success", "return")],
)
async def test_a_script_of_the_page_that_does_not_come(
    browse: Browse, page: str, script: str
) -> None:
    """A person who has just paid is not told that they have not."""
    person = await browse()
    person.expects(f"502 /web/pages/{script}-*")
    await person.page.route(f"**/web/pages/{script}-*", bad_gateway)
    await person.page.goto(f"{person.url}/{page}")
    await person.page.reload()  # past what the browser keeps in memory
    place = person.page.locator("#unreachable")
    await expect(place).to_be_visible()
    for text in ("can’t reach the store", "lease don’t pay"):
        await expect(place).to_contain_text(text, use_inner_text=True)


async def bad_gateway(route: Route) -> None:
    await route.fulfill(status=502, content_type="text/html", body="<h1>Bad Gateway</h1>")


async def test_no_secret_is_in_the_page(browse: Browse) -> None:
    person = await browse()
    answers: list[Response] = []
    # Playwright takes no builtin for a listener.
    person.page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108
    await person.page.goto("about:blank")
    await person.opens()
    own = [each for each in answers if each.url.startswith(person.url) and each.ok]
    bodies = [await each.text() for each in own]
    env = person.shop.stack.env
    secret = [value for key, value in env.items() if "SECRET" in key or "SERVICE_ROLE" in key]
    assert bodies
    assert [value for value in secret if any(value in body for body in bodies)] == []


def test_pages_hold_nothing_inline() -> None:
    for page in WEB.rglob("*.html"):
        # What the sidecar puts in it is data, which no browser runs.
        text = page.read_text(encoding="utf-8")
        assert not re.search(
            r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:", text
        )
    assert Path(WEB / "pages/store.html").is_file()
