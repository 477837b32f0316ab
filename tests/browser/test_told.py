"""A person is told everything, nothing wrongly, and the keyboard stays in place."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from tests.browser.shopper import CLOSED
from tests.browser.test_purchases import deposits

if TYPE_CHECKING:
    from playwright.async_api import Page, Route

    from tests.browser.conftest import Browse

NO_CLIPBOARD = "Object.defineProperty(Navigator.prototype, 'clipboard', {value: undefined})"


async def focused(page: Page) -> str:
    """The id of what has the focus, in whatever shadow root."""
    name: str = await page.evaluate(
        """() => {
          let at = document.activeElement
          while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
          return at?.id || at?.value || at?.tagName
        }"""
    )
    return name


@pytest.mark.proof
async def test_the_focus_comes_back_from_every_window(browse: Browse) -> None:
    buyer = await browse()
    buyer.expects("400 /api/payments/complete")
    keys = buyer.page.keyboard
    for gateway in ("PortOne", "Toss Payments"):
        await buyer.choose(gateway)
        await buyer.pack("Standard Pack").click()
        await buyer.pay_button().focus()
        await keys.press("Enter")
        await expect(buyer.window.get_by_role("button", name="Pay ₩12,000")).to_be_visible()
        await keys.press("Escape")
        await buyer.told(CLOSED)
        assert await focused(buyer.page) == "pay"
    await buyer.choose("Stripe")
    await buyer.pack("Premium Pack").click()
    await buyer.pay_button().focus()
    await keys.press("Enter")
    await buyer.store.get_by_role("button", name="Back").focus()
    await keys.press("Enter")
    await buyer.told(CLOSED)
    assert await focused(buyer.page) == "pay"


async def test_the_focus_stays_with_whoever_asks(browse: Browse) -> None:
    person = await browse()
    await person.page.get_by_label("What would you like to know?").fill("Again?")
    await person.page.keyboard.press("Tab")
    await person.page.keyboard.press("Enter")
    await expect(person.reply).to_contain_text("a good question")
    assert await focused(person.page) == "ask"


async def test_what_was_bought_and_what_failed_is_announced(browse: Browse) -> None:
    """In regions that a screen reader has known since before there was anything in them."""
    buyer = await browse()
    buyer.expects("400 /api/payments/complete")
    notices = buyer.store.locator("[aria-live=polite]")
    await expect(notices).to_have_count(1)
    await expect(notices).to_be_empty()
    await buyer.choose("PortOne")
    await buyer.buy()
    await buyer.clicks("Close without paying")
    await expect(notices).to_contain_text("You weren’t charged")
    await buyer.buy()
    await buyer.clicks("Pay ₩5,000")
    await expect(notices).to_contain_text("10 tokens added")


@pytest.mark.proof
async def test_two_transfers_are_waited_for_side_by_side(browse: Browse) -> None:
    """Also while something else is bought, and after a reload."""
    buyer = await browse()
    for pack, amount in (("Starter Pack", "₩5,000"), ("Standard Pack", "₩12,000")):
        await buyer.choose("PortOne", "Virtual account")
        await buyer.buy(pack)
        await buyer.clicks("Get a virtual account")
        await buyer.told(f"Transfer {amount} by")
    await buyer.opens()
    await buyer.told("Transfer ₩5,000 by")
    await buyer.told("Transfer ₩12,000 by")
    await deposits(buyer)
    await buyer.told("30 tokens added")
    await buyer.told("Transfer ₩5,000 by")
    await buyer.has(35)


@pytest.mark.proof
async def test_the_account_is_told_in_full_in_the_time_of_whoever_reads_it(browse: Browse) -> None:
    buyer = await browse(timezone_id="America/New_York")
    await buyer.choose("Toss Payments", "Virtual account")
    await buyer.buy()
    await buyer.clicks("Get a virtual account")
    await buyer.told("Transfer ₩5,000 by")
    account = buyer.shop.row(buyer.order_id())["virtual_account"]
    shown = buyer.page.locator(".facts")
    due = datetime.fromisoformat(account["due_at"]).astimezone(ZoneInfo("America/New_York"))
    for text in (account["bank"], account["account_number"], account["holder"], "₩5,000"):
        await expect(shown).to_contain_text(text)
    await buyer.told(re.compile(f"by {due:%b} {due.day}, {due.hour % 12 or 12}:{due:%M}"))
    await buyer.back_in_the_store()
    await expect(buyer.history).to_contain_text(account["account_number"])


@pytest.mark.parametrize("allowed", [True, False], ids=["allowed", "forbidden"])
async def test_an_account_number_is_copied_or_said_not_to_be(browse: Browse, allowed: bool) -> None:
    granted = ["clipboard-read", "clipboard-write"] if allowed else ["geolocation"]
    buyer = await browse(permissions=granted)
    if not allowed:
        refuse = "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')) }"
        await buyer.page.evaluate(refuse)
    await buyer.choose("PortOne", "Virtual account")
    await buyer.buy()
    await buyer.clicks("Get a virtual account")
    copy = buyer.store.locator(".actions button:first-child")
    await copy.click()
    await expect(copy).to_have_text("Copied" if allowed else "Couldn’t copy")
    if allowed:
        account = buyer.shop.row(buyer.order_id())["virtual_account"]
        copied = await buyer.page.evaluate("navigator.clipboard.readText()")
        assert copied == account["account_number"]


@pytest.mark.proof
async def test_nothing_is_offered_to_be_copied_where_nothing_can_be(browse: Browse) -> None:
    buyer = await browse()
    await buyer.context.add_init_script(NO_CLIPBOARD)
    await buyer.opens()
    await buyer.choose("PortOne", "Virtual account")
    await buyer.buy()
    await buyer.clicks("Get a virtual account")
    await buyer.told("Transfer ₩5,000 by")
    await expect(buyer.store.locator(".actions [name=copy_account]")).to_have_count(0)


@pytest.mark.proof
async def test_a_bank_that_takes_its_time_needs_no_account(browse: Browse) -> None:
    buyer = await browse()
    await buyer.choose("Stripe")
    await buyer.buy()
    await buyer.pays_with("Bank debit")
    await buyer.told("Waiting for your bank")
    await expect(buyer.store).to_contain_text("Please don’t pay again")
    await expect(buyer.history).to_contain_text("Processing at your bank")
    await expect(buyer.history).not_to_contain_text("Not paid")
    await buyer.opens()
    await buyer.told("Waiting for your bank")
    await expect(buyer.history).to_contain_text("Processing at your bank")
    await deposits(buyer)
    await buyer.told("10 tokens added")


@pytest.mark.proof
async def test_a_debit_that_the_bank_refuses_is_not_waited_for(browse: Browse) -> None:
    buyer = await browse()
    await buyer.choose("Stripe")
    await buyer.buy()
    await buyer.pays_with("Bank debit")
    await buyer.told("Waiting for your bank")
    refused = f"{buyer.shop.stack.settings.simulators_url}/stripe/_sim/undo_deposit"
    key = buyer.shop.row(buyer.order_id())["payment_key"]
    (await buyer.shop.http.post(refused, json={"payment_key": key})).raise_for_status()
    await buyer.told("Finish your payment?")
    await expect(buyer.store).to_contain_text("You haven’t been charged")
    assert buyer.orders() == ["pending"]


async def test_an_order_that_is_cancelled_is_said_to_be(browse: Browse) -> None:
    buyer = await browse()
    await buyer.choose("Toss Payments")
    await buyer.buy()
    await expect(buyer.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    await buyer.opens()
    await buyer.told("Finish your payment?")
    await buyer.page.get_by_role("button", name="Cancel order").click()
    await buyer.told("Order canceled")
    assert buyer.orders() == ["canceled"]
    await buyer.opens()
    await expect(buyer.store.locator(".told")).to_have_count(0)


@pytest.mark.proof
async def test_an_order_paid_elsewhere_meanwhile_is_not_said_to_be_cancelled(
    browse: Browse,
) -> None:
    buyer = await browse()
    buyer.expects("409 /rest/v1/rpc/cancel_token_order", "400 /api/payments/complete")
    await buyer.choose("PortOne")
    await buyer.buy()
    await expect(buyer.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    await buyer.opens()
    await buyer.told("Finish your payment?")
    order = buyer.order_id()
    await buyer.shop.complete(order, await buyer.shop.pay(order))
    await buyer.page.get_by_role("button", name="Cancel order").click()
    await buyer.told("10 tokens added")
    await buyer.has(15)


async def test_a_decline_that_was_told_is_not_told_again_as_unfinished(browse: Browse) -> None:
    buyer = await browse()
    await buyer.choose("Toss Payments")
    await buyer.buy()
    await expect(buyer.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    refused = f"code=REJECT_CARD_COMPANY&orderId={buyer.order_id()}"
    await buyer.page.goto(f"{buyer.url}/payment/fail?{refused}")
    await buyer.told("was declined")
    async with buyer.page.expect_response(re.compile(r"/payment/ord")):
        await buyer.page.get_by_role("button", name="Pay another way").click()
    await expect(buyer.store.locator(".pack").first).to_be_visible()
    await expect(buyer.store.locator(".told")).to_have_count(0)


async def test_whoever_is_signed_out_is_shown_where_to_sign_in(browse: Browse) -> None:
    buyer = await browse()
    await buyer.choose("PortOne")
    await buyer.page.evaluate("localStorage.removeItem('sb-127-auth-token')")
    await buyer.buy()
    await expect(buyer.page.locator("#trouble")).to_contain_text("Your session has ended")
    await expect(buyer.page.locator("#welcome")).to_be_visible()
    assert buyer.orders() == []


async def test_a_session_that_is_over_takes_no_token(browse: Browse) -> None:
    person = await browse()
    person.expects("401 /functions/v1/ask")
    await expect(person.history).to_contain_text("Welcome bonus")  # read while there is a session
    await person.page.evaluate("localStorage.removeItem('sb-127-auth-token')")
    await person.asks("Still me?")
    await expect(person.reply).to_contain_text("No tokens were used. Sign in again.")
    assert await person.shop.tokens() == 5


async def test_a_proxy_that_fails_after_the_question_was_paid_for(browse: Browse) -> None:
    """It cannot know that nothing was taken: the same question goes again under the same key."""
    person = await browse()
    person.expects("502 /functions/v1/ask")

    async def fail(route: Route) -> None:
        await route.fetch()
        await route.fulfill(status=502, content_type="text/html", body="<h1>Bad Gateway</h1>")

    await person.page.route("**/functions/v1/ask", fail, times=1)
    await person.asks("Still there?")
    await expect(person.reply).to_contain_text("Ask again")
    await person.asks("Still there?")
    await expect(person.reply).to_contain_text("a good question")
    await person.has(4)


async def test_the_next_person_is_told_nothing_of_the_one_before(browse: Browse) -> None:
    first = await browse()
    page = first.page
    await first.choose("PortOne", "Virtual account")
    await first.buy()
    await first.clicks("Get a virtual account")
    await first.told("Transfer ₩5,000 by")
    await first.asks("My secret?")
    await expect(first.reply).to_contain_text("a good question")
    await first.gives_way_to_mina()
    await expect(first.store.locator(".told")).to_have_count(0)
    await expect(page.get_by_label("What would you like to know?")).to_have_value("")
    await expect(first.reply).to_be_hidden()
