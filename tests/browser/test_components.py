"""The components by themselves: what they show of which data, and whom they believe."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4
from zoneinfo import ZoneInfo

from playwright.async_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Browse
    from tests.browser.shopper import Shopper

SEOUL = ZoneInfo("Asia/Seoul")
ENTRIES = 75
ORDERS = 40
LIES = (
    "success?orderId={order}&paymentKey=tosskey_forged_1234&amount=5000",
    "success?imp_uid=imp_123456789012&merchant_uid={order}&imp_success=true",
    "success?orderId={order}&status=completed",
    "success?payment_intent=pi_forged&redirect_status=succeeded&orderId={order}",
)
ROWS = "coinslot-history >> ol[aria-label] > .entry"


async def rows(person: Shopper) -> list[str]:
    texts: list[str] = await person.page.locator(ROWS).all_inner_texts()
    return texts


def spend(person: Shopper, times: int) -> None:
    """Grants and takes tokens, so that the ledger is longer than a page of it."""
    grant = "select coinslot.add_tokens(%s, 1000, %s, 'History', 'grant')"
    take = "select public.spend_tokens_for(%s, 1, %s, 'Entry ' || %s)"
    with person.shop.stack.connect() as connection:
        connection.execute(grant, [person.shop.buyer.id, uuid4().hex])
        for each in range(times):
            connection.execute(take, [person.shop.buyer.id, uuid4().hex, str(each)])


def old_orders(person: Shopper, times: int) -> None:
    """Orders that were never paid, half of them at the very same moment."""
    insert = """
      insert into token_payments
        (user_id, product_id, name, gateway, amount, currency, tokens, live, expires_at, created_at)
      values (%s, 'starter', 'Order ' || %s, 'toss', 5000, 'KRW', 10, false, now(), %s)
    """
    moment = "2026-01-02T03:04:05.123456Z"
    with person.shop.stack.connect() as connection:
        for each in range(times):
            at = moment if each % 2 else f"2026-01-{each // 2 + 1:02}T00:00:00Z"
            connection.execute(insert, [person.shop.buyer.id, str(each), at])
        connection.execute(
            "update token_payments set status = 'expired' where user_id = %s",
            [person.shop.buyer.id],
        )


async def test_the_history_shows_everything_once_by_scrolling(browse: Browse) -> None:
    """More than a page of the ledger; orders that nobody paid stand behind one line."""
    person = await browse()
    spend(person, ENTRIES)
    old_orders(person, ORDERS)
    await person.page.reload()
    await expect(person.page.locator(ROWS).nth(29)).to_be_visible()
    everything = ENTRIES + 2  # the grant and the bonus
    assert len(await rows(person)) < everything
    for _ in range(everything):
        shown = await rows(person)
        if len(shown) == everything:
            break
        await person.page.mouse.wheel(0, 20_000)
        await expect(person.page.locator(ROWS).nth(len(shown))).to_be_attached()
    shown = await rows(person)
    assert len(shown) == everything
    entries = [row.split("\n")[0] for row in shown if row.startswith("Entry")]
    assert entries == [f"Entry {each}" for each in reversed(range(ENTRIES))]
    unfinished = person.history.locator(".unfinished")
    await expect(unfinished).to_contain_text(f"{ORDERS} unfinished checkouts, nothing charged")
    await unfinished.locator("summary").click()
    await expect(unfinished.locator(".entry")).to_have_count(ORDERS)
    await expect(unfinished).to_contain_text("Expired, not charged")


async def test_what_ends_soon_is_told_by_its_last_day(browse: Browse) -> None:
    """Two lots of one day count as one; what ends in a month is not told yet."""
    person = await browse(timezone_id="Asia/Seoul")
    today = datetime.now(SEOUL).replace(hour=0, minute=0, second=0, microsecond=0)
    grant = "select coinslot.add_tokens(%s, %s, %s, 'Soon', 'grant', expires_at => %s)"
    with person.shop.stack.connect() as connection:
        for tokens, days in ((7, 4), (3, 4), (50, 30)):
            until = today + timedelta(days=days)
            connection.execute(grant, [person.shop.buyer.id, tokens, uuid4().hex, until])
    await person.page.reload()
    last = today + timedelta(days=3)
    told = f"10 expire on {last:%B} {last.day}"
    await expect(person.history.locator(".expiring")).to_have_text([told])
    await expect(person.balance).to_contain_text(told)


async def test_a_purchase_is_one_line_of_the_history(browse: Browse) -> None:
    person = await browse()
    await person.choose("PortOne")
    await person.buy()
    await person.clicks("Pay ₩5,000")
    await person.told("10 tokens added")
    await expect(person.page.locator(ROWS)).to_have_count(2)
    bought = person.page.locator(ROWS).first
    for text in ("Starter Pack", "+10", "₩5,000", "15 left"):
        await expect(bought).to_contain_text(text)
    await bought.locator("summary").click()
    elsewhere = {"success": True, "url": f"{person.url}/payment/success"}
    await person.page.route("**/receipt", lambda route: route.fulfill(json=elsewhere))
    async with person.context.expect_page() as opened:
        await bought.get_by_role("button", name="View receipt").click()
    receipt = await opened.value
    await expect(receipt.get_by_text("No payment to show")).to_be_visible()
    assert await receipt.evaluate("opener") is None


async def test_a_receipt_of_ours_is_listed_with_its_purchase(browse: Browse) -> None:
    """It opens in a tab that knows who asks, and whose address tells nobody."""
    person = await browse()
    await person.choose("PortOne")
    await person.buy()
    await person.clicks("Pay ₩5,000")
    await person.told("10 tokens added")
    bought = person.page.locator(ROWS).first
    await expect(bought.get_by_text("Approval number")).to_be_hidden()
    await bought.locator("summary").click()
    facts = bought.locator(".facts > div:visible")
    await expect(facts.filter(has_text="신한카드 •••• 5555")).to_contain_text("Card")
    await expect(facts.filter(has_text="Approval number")).to_contain_text("00000000")
    async with person.context.expect_page() as opened:
        await bought.get_by_role("button", name="Receipt TEST-R").click()
    receipt = await opened.value
    await expect(receipt.get_by_role("heading", name="Receipt")).to_be_visible()
    await expect(receipt.get_by_text("Starter Pack")).to_be_visible()
    assert "access_token" not in receipt.url
    await expect(receipt.get_by_role("button", name="Print")).to_be_visible()


async def test_an_address_that_lies_about_a_payment_is_not_believed(browse: Browse) -> None:
    person = await browse()
    person.expects("400 /payment/toss/confirm", "404 /api/payments/complete")
    order = await person.shop.order()
    for lie in LIES:
        await person.page.goto(f"{person.url}/payment/{lie.format(order=order)}")
        await person.told("Finish your payment?")
        assert urlless(person.page.url) == f"/payment/success?orderId={order}"
        await person.has(5)
    assert person.shop.purchases() == 0


def urlless(url: str) -> str:
    return re.sub(r"^https?://[^/]+", "", url)


async def test_an_address_of_no_payment_says_so_and_is_not_shown(browse: Browse) -> None:
    person = await browse()
    injected = "success?orderId=%3Cimg%20src=x%20onerror=alert(1)%3E&message=You%20have%20won"
    await person.page.goto(f"{person.url}/payment/{injected}")
    await person.told("No payment to show")
    assert urlless(person.page.url) == "/payment/success"
    assert "won" not in await person.page.locator("body").inner_text()


async def test_figures_are_written_as_each_language_writes_them(browse: Browse) -> None:
    korean = await browse(locale="ko-KR")
    await expect(korean.store).to_contain_text("12,000원")
    await expect(korean.store).to_contain_text("20% 저렴")
    await korean.choose("Stripe")
    await expect(korean.store).to_contain_text("$9.60")
    english = await browse()
    await expect(english.store).to_contain_text("$9.60")
    await expect(english.store).to_contain_text("save 30%")


async def test_a_402_of_supabase_js_opens_the_paywall_too(browse: Browse) -> None:
    """And what was being done goes on, under the key it had."""
    person = await browse()
    await person.page.evaluate(
        """() => {
          window.keys = []
          const details = '{"tokens": 5, "required": 9}'
          const answers = [{ status: 402, error: { code: 'PT402', details } }]
          window.done = document.querySelector('coinslot-paywall').guard(({ key }) => {
            window.keys.push(key)
            return Promise.resolve(answers.shift() ?? { status: 200, data: 'done' })
          })
        }"""
    )
    dialog = person.paywall.get_by_role("dialog")
    await expect(dialog).to_contain_text("9 needed · you have 5")
    sold = person.paywall.locator("coinslot-store")
    await person.choose("PortOne", store=sold)
    await person.buy(store=sold)
    await person.clicks("Pay ₩5,000")
    assert await person.page.evaluate("window.done") == {"status": 200, "data": "done"}
    keys = await person.page.evaluate("window.keys")
    assert len(keys) == 2
    assert len(set(keys)) == 1
    await expect(dialog).to_be_hidden()
