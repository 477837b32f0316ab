"""Troubles around a payment: the person is told what happened to their money, always."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.shopper import on_both
from tests.support.sizes import sized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.async_api import Route

    from tests.browser.conftest import Browse
    from tests.browser.shopper import Shopper

COMPLETE = "**/api/payments/complete"


async def refuse(route: Route) -> None:
    await route.abort("connectionrefused")


async def lose_the_reply(route: Route) -> None:
    await route.fetch()
    await route.abort("connectionreset")


async def test_the_connection_is_lost_while_the_window_is_open(browse: Browse) -> None:
    """Paid, and then nobody can be asked: told so, and settled once the network is back."""
    buyer = await browse()
    buyer.expects("0 /api/payments/complete", "0 /payment/ord*")
    await buyer.choose("PortOne")
    await buyer.buy()
    await expect(buyer.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    await buyer.page.route(f"{buyer.url}/**", refuse)
    await buyer.clicks("Pay ₩5,000")
    await buyer.told("Confirming your payment")
    await expect(buyer.store).to_contain_text("Please don’t pay again")
    await buyer.page.unroute(f"{buyer.url}/**")
    await buyer.told("10 tokens added")
    await buyer.has(15)
    assert buyer.shop.purchases() == 1


async def test_the_reply_to_completing_is_lost(browse: Browse) -> None:
    buyer = await browse()
    buyer.expects("0 /api/payments/complete")
    await buyer.page.route(COMPLETE, lose_the_reply, times=1)
    await buyer.choose("PortOne")
    await buyer.buy()
    await buyer.clicks("Pay ₩5,000")
    await buyer.told("10 tokens added")
    await buyer.has(15)
    assert buyer.shop.purchases() == 1


@on_both("phone")
async def test_a_reload_in_the_middle_finds_the_payment_again(browse: Browse, device: str) -> None:
    buyer = await browse(device)
    buyer.expects("0 /api/payments/complete", "0 /payment/toss/confirm")
    url = COMPLETE if device == "desktop" else "**/payment/toss/confirm"
    await buyer.page.route(url, refuse)
    await buyer.choose("PortOne" if device == "desktop" else "Toss Payments")
    await buyer.buy()
    await buyer.clicks("Pay ₩5,000")
    await buyer.told("Confirming your payment")
    # Still refused, so that it is the page after the reload that learns of it.
    await buyer.page.reload()
    await buyer.told("Confirming your payment")
    await buyer.page.unroute(url)
    await buyer.told("10 tokens added")
    await buyer.back_in_the_store()
    await buyer.has(15)
    assert buyer.shop.purchases() == 1


@pytest.mark.proof
async def test_the_page_is_closed_in_the_middle_and_opened_again_later(browse: Browse) -> None:
    """The gateway's webhook has settled it meanwhile; the store says what became of it."""
    buyer = await browse()
    buyer.expects("0 /api/payments/complete")
    await buyer.page.route(COMPLETE, refuse)
    await buyer.choose("PortOne")
    await buyer.buy()
    await buyer.clicks("Pay ₩5,000")
    await buyer.told("Confirming your payment")
    later = await buyer.another_tab()
    await buyer.page.close()
    await later.told("10 tokens added")
    await later.has(15)


async def test_a_double_click_opens_one_window_and_makes_one_order(browse: Browse) -> None:
    buyer = await browse()
    await buyer.choose("PortOne")
    await buyer.pay_button().dblclick()
    await expect(buyer.page.locator("body > iframe")).to_have_count(1)
    await buyer.window.get_by_role("button", name="Pay ₩5,000").dblclick()
    await buyer.told("10 tokens added")
    await buyer.has(15)
    assert buyer.orders() == ["completed"]


@pytest.mark.proof
async def test_two_tabs_pay_one_order_once(browse: Browse) -> None:
    """The second window says so and offers no other payment, and that tab hears of the purchase."""
    first = await browse()
    first.expects("400 /api/payments/*")
    second = await first.another_tab()
    for tab in (first, second):
        await tab.choose("PortOne")
        await tab.buy()
        await expect(tab.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    await first.clicks("Pay ₩5,000")
    await first.told("10 tokens added")
    await expect(second.window.get_by_role("alert")).to_contain_text("paid in another tab")
    await second.clicks("Back to the shop")
    await second.told("10 tokens added")
    for tab in (first, second):
        await tab.has(15)
    assert first.orders() == ["completed"]


@pytest.mark.proof
async def test_what_one_tab_buys_the_other_shows(browse: Browse) -> None:
    first = await browse()
    second = await first.another_tab()
    await first.choose("PortOne")
    await first.buy("Standard Pack")
    await first.clicks("Pay ₩12,000")
    await first.told("30 tokens added")
    await second.has(35)
    await expect(second.history).to_contain_text("+30")


@on_both("phone")
async def test_the_back_button_after_a_payment_pays_nothing_again(
    browse: Browse, device: str
) -> None:
    buyer = await browse(device)
    buyer.expects("409 /*/_sim/pay")
    await buyer.choose("Toss Payments")
    await buyer.buy()
    await buyer.clicks("Pay ₩5,000")
    await buyer.told("10 tokens added")
    await buyer.page.go_back()
    if device == "phone":  # that is the gateway's window, which a phone had in the page's place
        await buyer.clicks("Pay ₩5,000")
        await expect(buyer.page.get_by_role("alert")).to_contain_text("Already paid")
        await buyer.page.goto(f"{buyer.url}/store")
    await expect(buyer.store.locator(".pack").first).to_be_visible()
    await buyer.has(15)
    assert buyer.shop.purchases() == 1
    await buyer.choose("PortOne")
    await buyer.buy()
    await buyer.clicks("Pay ₩5,000")
    await buyer.told("10 tokens added")
    await buyer.back_in_the_store()
    await buyer.has(25)


@on_both("desktop")
@pytest.mark.proof
async def test_the_back_button_out_of_a_window_leaves_nothing_paid(
    browse: Browse, device: str
) -> None:
    buyer = await browse(device)
    await buyer.choose("Toss Payments")
    await buyer.buy()
    await expect(buyer.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    await buyer.page.go_back()
    if device == "desktop":
        await buyer.opens()
    await buyer.told("Finish your payment?")
    await buyer.page.get_by_role("button", name="Continue to payment").first.click()
    await buyer.clicks("Pay ₩5,000")
    await buyer.told("10 tokens added")
    assert buyer.orders() == ["completed"]


async def test_a_product_taken_off_sale_while_the_page_is_open(browse: Browse) -> None:
    buyer = await browse()
    buyer.expects("400 /api/payments/checkout")
    await buyer.choose("PortOne")
    with off_sale(buyer, "standard"):
        await buyer.buy("Standard Pack")
        await buyer.told("This pack is no longer available")
        await expect(buyer.store).to_contain_text("You weren’t charged.")
        await expect(buyer.store.locator(".pack")).to_have_count(2)
    await buyer.has(5)
    assert buyer.orders() == []


async def test_a_price_that_changed_while_the_page_is_open_is_asked_about(browse: Browse) -> None:
    buyer = await browse()
    await buyer.choose("PortOne")
    with other_price(buyer, "starter", 6000):
        await buyer.buy()
        await buyer.told("The price is now ₩6,000")
        await expect(buyer.store.locator(".pack").first).to_contain_text("₩6,000")
        await buyer.buy()
        await buyer.clicks("Pay ₩6,000")
        await buyer.told("10 tokens added")
    await buyer.has(15)


async def test_a_session_that_ended_in_the_middle_of_a_payment(browse: Browse) -> None:
    """The payment is settled all the same: the gateway's word decides, and no identity."""
    buyer = await browse()
    buyer.expects("401 /payment/ord*")
    await buyer.choose("PortOne")
    await buyer.buy()
    await expect(buyer.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    await buyer.page.evaluate("localStorage.removeItem('sb-127-auth-token')")
    await buyer.clicks("Pay ₩5,000")
    await buyer.told("10 tokens added")
    assert await buyer.shop.tokens() == 15
    await buyer.page.reload()
    await expect(buyer.page.locator("#enter")).to_be_visible()


async def test_a_gateway_script_that_does_not_load(browse: Browse) -> None:
    buyer = await browse()
    buyer.expects("0 /toss/sdk.js")
    await buyer.page.route("**/toss/sdk.js", refuse)
    await buyer.choose("Toss Payments")
    await buyer.buy()
    await buyer.told("The payment window didn’t load")
    await expect(buyer.store).to_contain_text("You weren’t charged.")
    await buyer.page.unroute("**/toss/sdk.js")
    await buyer.buy()
    await buyer.clicks("Pay ₩5,000")
    await buyer.told("10 tokens added")


@pytest.mark.parametrize("gateway", sized(["portone-v1"], proofs=["portone-v1", "toss", "stripe"]))
async def test_a_gateway_that_is_down_when_an_order_is_made(browse: Browse, gateway: str) -> None:
    """The sidecar answers 502, on the simulator's word for PortOne and Stripe."""
    buyer = await browse()
    buyer.expects("502 /*/*/create", "502 /api/payments/checkout")
    await buyer.choose({"portone-v1": "PortOne", "toss": "Toss Payments"}.get(gateway, "Stripe"))
    if gateway == "toss":
        await buyer.page.route("**/payment/toss/create", answer_502)
    else:
        await faults(buyer, gateway, kind="error_before")
    await buyer.buy()
    await buyer.told("We couldn’t start the payment")
    await expect(buyer.store).to_contain_text("You weren’t charged.")
    await faults(buyer, gateway)
    await buyer.page.unroute("**/payment/toss/create")
    await buyer.has(5)


async def test_a_gateway_that_is_down_after_the_payment(browse: Browse) -> None:
    buyer = await browse()
    buyer.expects("502 /api/payments/complete")
    await buyer.choose("PortOne")
    await buyer.buy()
    await expect(buyer.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    await faults(buyer, "portone-v1", kind="error_before")
    await buyer.clicks("Pay ₩5,000")
    await buyer.told("Confirming your payment")
    await faults(buyer, "portone-v1")
    await buyer.told("10 tokens added")
    await buyer.has(15)


async def answer_502(route: Route) -> None:
    await route.fulfill(status=502, content_type="text/html", body="<h1>Bad Gateway</h1>")


async def faults(buyer: Shopper, gateway: str, **fault: object) -> None:
    url = f"{buyer.shop.stack.settings.simulators_url}/{gateway}/_sim/faults"
    (await buyer.shop.http.put(url, json=fault)).raise_for_status()


@contextmanager
def off_sale(buyer: Shopper, product: str) -> Iterator[None]:
    with buyer.shop.stack.connect() as connection:
        connection.execute("update token_products set active = false where id = %s", [product])
        try:
            yield
        finally:
            connection.execute("update token_products set active = true where id = %s", [product])


@contextmanager
def other_price(buyer: Shopper, product: str, amount: int) -> Iterator[None]:
    change = "update token_prices set amount = %s where product_id = %s and currency = 'KRW'"
    with buyer.shop.stack.connect() as connection:
        [(before,)] = connection.execute(
            "select amount from token_prices where product_id = %s and currency = 'KRW'", [product]
        ).fetchall()
        connection.execute(change, [amount, product])
        try:
            yield
        finally:
            connection.execute(change, [before, product])
