"""The page believes the sidecar about a payment, and for a while the gateway's window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.shopper import CLOSED
from tests.browser.test_troubles import refuse
from tests.support.toss_shop import TossShop

if TYPE_CHECKING:
    from playwright.async_api import Route

    from tests.browser.conftest import Browse


@pytest.mark.proof
async def test_a_refusal_that_is_not_the_sidecars_says_nothing_of_a_payment(
    browse: Browse,
) -> None:
    """Toss's buyer has agreed. What a proxy says ends nothing, and the payment is confirmed."""
    buyer = await browse()
    buyer.expects("0 /payment/toss/confirm", "403 /payment/toss/confirm")
    confirm = "**/payment/toss/confirm"
    await buyer.page.route(
        confirm, lambda route: route.fulfill(status=403, json={"message": "Forbidden"}), times=1
    )
    await buyer.choose("Toss Payments")
    await buyer.buy()
    async with buyer.page.expect_response(confirm):
        await buyer.clicks("Pay ₩5,000")
    await buyer.told("10 tokens added")
    await buyer.back_in_the_store()
    await buyer.has(15)
    assert buyer.orders() == ["completed"]


async def test_a_second_window_is_not_judged_by_the_first(browse: Browse) -> None:
    """It is paid, and the page is gone before it hears of that."""
    buyer = await browse()
    buyer.expects("400 /api/payments/complete")
    await buyer.choose("PortOne")
    await buyer.buy()
    await buyer.clicks("Close without paying")
    await buyer.told(CLOSED)
    await buyer.buy()
    await expect(buyer.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    await buyer.shop.pay(buyer.order_id(), webhook="none")
    await buyer.opens()
    await buyer.told("10 tokens added")
    assert buyer.orders() == ["completed"]


async def test_an_order_that_nobody_can_ask_about_is_not_made_again(browse: Browse) -> None:
    """It was paid elsewhere in the moment in which it was to be made again."""
    buyer = await browse()
    buyer.expects("400 /payment/toss/create", "0 /payment/ord*")
    await buyer.choose("Toss Payments")
    await buyer.buy()
    await expect(buyer.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    await buyer.opens()
    await buyer.told("Finish your payment?")
    await buyer.choose("Toss Payments")
    order_id, elsewhere = buyer.order_id(), TossShop.of(buyer.shop)

    async def pay_elsewhere(route: Route) -> None:
        key = await elsewhere.pay(order_id)
        assert (await elsewhere.confirm(order_id, key)).status_code == 200
        await buyer.page.route("**/payment/ord*", refuse)
        await route.continue_()

    await buyer.page.route("**/payment/toss/create", pay_elsewhere, times=1)
    await buyer.buy()
    await buyer.told("still waiting to hear from your bank")
    assert buyer.orders() == ["completed"]
    await buyer.page.unroute("**/payment/ord*")
    await buyer.page.get_by_role("button", name="Check again").click()
    await buyer.told("10 tokens added")


async def test_the_word_of_a_window_is_not_believed_for_ever(browse: Browse) -> None:
    """Stripe's may not know either; an hour later whoever was asked meanwhile does."""
    buyer = await browse()
    await buyer.choose("Stripe")
    await buyer.buy()
    await expect(buyer.store.get_by_role("button", name="Back")).to_be_visible()
    await buyer.page.evaluate(
        """() => {
          const orders = JSON.parse(localStorage.getItem('coinslot:orders'))
          for (const order of orders) order.claimed = Date.now() - 3_600_000
          localStorage.setItem('coinslot:orders', JSON.stringify(orders))
        }"""
    )
    await buyer.opens()
    await buyer.told("Finish your payment?")
