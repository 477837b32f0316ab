"""Things kept from before, and their owner: storage, sessions, clocks, another person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.conftest import signed_in
from tests.browser.shopper import CLOSED
from tests.browser.test_overtaken import Held
from tests.browser.test_troubles import COMPLETE, refuse

if TYPE_CHECKING:
    from playwright.async_api import Route

    from tests.browser.conftest import Browse
    from tests.browser.shopper import Shopper


async def another(person: Shopper) -> dict[str, str]:
    """Somebody else's session, as supabase-js keeps it."""
    shop = type(person.shop)(
        person.shop.stack, person.shop.http, person.shop.stack.sign_up(), person.url
    )
    stored: dict[str, str] = (await signed_in(shop, person.url))["localStorage"][0]
    return stored


async def becomes(person: Shopper, session: dict[str, str]) -> None:
    """In another tab, while this one was not looking."""
    await person.page.evaluate("({name, value}) => localStorage.setItem(name, value)", session)


async def test_an_order_is_not_told_to_the_next_person_nor_forgotten(browse: Browse) -> None:
    """Somebody signs in while the order of the person before is being asked about."""
    first = await browse()
    first.expects("400 /api/payments/complete", "40[14] /payment/ord*")
    await first.choose("PortOne")
    await first.buy()
    await expect(first.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    # What the page that is left still asks is not held in place of the next one.
    await first.page.goto("about:blank")
    held = Held()
    await first.page.route(COMPLETE, held, times=1)
    await first.opens()
    await held.asked.wait()
    await first.gives_way_to_mina()
    async with first.page.expect_response("**/payment/ord*"):
        held.let_go.set()
    await first.has_shown_it()
    await expect(first.store.locator(".told")).to_have_count(0)
    await expect(first.page.locator("#who")).to_have_text("김미나")
    kept = await first.page.evaluate("localStorage.getItem('coinslot:orders')")
    assert [order["orderId"] for order in json.loads(kept)] == [first.order_id()]


async def test_a_payment_is_not_told_to_whoever_has_signed_in_meanwhile(browse: Browse) -> None:
    first = await browse()
    first.expects("40[14] /payment/ord*")
    await first.choose("PortOne")
    await first.buy()
    await expect(first.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    order = first.order_id()
    await first.shop.pay(order)
    await becomes(first, await another(first))
    await first.page.goto(f"{first.url}/payment/success?orderId={order}")
    await first.told("We can’t find this order in your account")
    assert await first.shop.tokens() == 15


async def test_a_balance_is_nobody_elses(browse: Browse) -> None:
    person = await browse()
    person.expects("0 /rest/v1/rpc/get_user_tokens")
    await person.has(5)
    await becomes(person, await another(person))
    await person.page.route("**/rpc/get_user_tokens", refuse)
    await person.page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(person.balance.locator(".stale")).to_be_visible()
    await expect(person.balance.locator("output")).to_have_text("\u2013")


@pytest.mark.proof
async def test_a_history_is_nobody_elses(browse: Browse) -> None:
    person = await browse()
    person.expects("0 /rest/v1/token_ledger")
    await expect(person.history.locator(".entry")).to_have_count(1)
    await becomes(person, await another(person))
    await person.page.route("**/token_ledger?*", refuse)
    await person.history.evaluate("(history) => history.reload()")
    await expect(person.history).to_contain_text("We couldn’t load your activity.")
    await expect(person.history.locator(".entry")).to_have_count(0)


@pytest.mark.proof
async def test_a_storage_that_was_full_for_a_moment(browse: Browse) -> None:
    buyer = await browse()
    await buyer.context.add_init_script(
        """{
          const { setItem } = Storage.prototype
          let full = true
          Storage.prototype.setItem = function (name, value) {
            if (name === 'coinslot:orders' && full) {
              full = false
              throw new DOMException('full', 'QuotaExceededError')
            }
            return setItem.call(this, name, value)
          }
        }"""
    )
    await buyer.opens()
    buyer.expects("400 /api/payments/checkout")
    await buyer.choose("PortOne")
    for tokens in (15, 25):
        await buyer.buy()
        await buyer.clicks("Pay ₩5,000")
        await buyer.told("10 tokens added")
        await buyer.has(tokens)


async def test_who_cannot_be_asked_about_is_not_signed_out(browse: Browse) -> None:
    """A computer that wakes up with an old session and no network yet."""
    buyer = await browse()
    buyer.expects("503 /auth/v1/token")

    async def give_up(route: Route) -> None:
        # So that supabase-js does not try for half a minute.
        await buyer.page.evaluate("{ const at = Date.now() + 60_000; Date.now = () => at }")
        await route.fulfill(status=503, json={})

    await buyer.page.route("**/auth/v1/token?*", give_up)
    await buyer.page.evaluate(
        """() => {
          const session = JSON.parse(localStorage.getItem('sb-127-auth-token'))
          session.expires_at = 1
          localStorage.setItem('sb-127-auth-token', JSON.stringify(session))
        }"""
    )
    await buyer.buy()
    await buyer.told("We couldn’t start the payment")
    await buyer.page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(buyer.balance).to_contain_text("Couldn’t refresh")
    await expect(buyer.page.get_by_role("button", name="Sign out")).to_be_visible()


@pytest.mark.proof
async def test_a_clock_that_is_fast_ends_no_order(browse: Browse) -> None:
    buyer = await browse()
    buyer.expects("400 /api/payments/complete")
    await buyer.page.evaluate("{ const { now } = Date; Date.now = () => now() + 7_200_000 }")
    await buyer.choose("PortOne")
    await buyer.buy()
    await buyer.clicks("Close without paying")
    await buyer.told(CLOSED)
