"""Every way to pay, at every gateway, on a computer and on a phone."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from coinslot.errors import AmountNotChargeable
from tests.browser.shopper import CLOSED, on_both
from tests.support.sizes import sized

if TYPE_CHECKING:
    from playwright.async_api import Route

    from tests.browser.conftest import Browse
    from tests.browser.shopper import Shopper

WINDOWS = ("PortOne", "Toss Payments")


def windows(*suite: tuple[str, str]) -> pytest.MarkDecorator:
    """Every window on either device, or in the suite these alone."""
    chosen = sized([*suite], proofs=list(product(WINDOWS, ("desktop", "phone"))))
    return pytest.mark.parametrize(("gateway", "device"), chosen)


async def bought(buyer: Shopper, tokens: int = 10) -> None:
    await buyer.told(f"{tokens} tokens added")
    await buyer.back_in_the_store()
    await buyer.has(5 + tokens)


@windows(("PortOne", "phone"))
async def test_a_window_is_closed_a_card_declined_and_the_next_one_pays(
    browse: Browse, gateway: str, device: str
) -> None:
    buyer = await browse(device)
    # What a declined payment is answered with.
    buyer.expects("400 /api/payments/complete", "403 /payment/toss/confirm")
    await buyer.choose(gateway)
    await buyer.buy()
    await buyer.clicks("Close without paying")
    await buyer.told(CLOSED)
    await buyer.back_in_the_store()
    await buyer.choose(gateway)
    await buyer.buy()
    await buyer.clicks("Have the card declined")
    await buyer.told("was declined")
    await buyer.back_in_the_store()
    await buyer.has(5)
    await buyer.choose(gateway)
    await buyer.buy()
    await buyer.clicks("Pay ₩5,000")
    await bought(buyer)
    assert buyer.orders().count("completed") == 1
    assert buyer.shop.purchases() == 1


@on_both("desktop")
async def test_stripe_declines_a_card_and_takes_the_next_one(browse: Browse, device: str) -> None:
    buyer = await browse(device)
    await buyer.choose("Stripe")
    await buyer.buy()
    await buyer.pays_with("is declined")
    await expect(buyer.store.locator(".error")).to_have_text(
        "Your card issuer didn\u2019t approve it. "
        "You weren\u2019t charged. Try another card or payment method."
    )
    await buyer.pays_with("is paid")
    await bought(buyer)
    assert buyer.orders() == ["completed"]


async def test_stripes_form_is_left_and_opened_again(browse: Browse) -> None:
    buyer = await browse()
    await buyer.choose("Stripe")
    await buyer.buy()
    await buyer.store.get_by_role("button", name="Back").click()
    await buyer.told(CLOSED)
    await buyer.buy()
    await buyer.pays_with("is paid")
    await bought(buyer)
    assert buyer.orders() == ["completed"]


@on_both("phone")
async def test_3d_secure_is_refused_and_then_passed(browse: Browse, device: str) -> None:
    buyer = await browse(device)
    await buyer.choose("Stripe")
    await buyer.buy()
    bank = buyer.page.frame_locator("body > iframe")
    await buyer.pays_with("3-D Secure")
    await bank.get_by_role("button", name="No: refuse").click()
    await expect(buyer.store.get_by_role("alert")).to_contain_text("confirm it was you")
    await buyer.has(5)
    await buyer.pays_with("3-D Secure")
    await bank.get_by_role("button", name="Yes, it is me").click()
    await bought(buyer)
    assert buyer.orders() == ["completed"]


@windows(("Toss Payments", "phone"), ("PortOne", "desktop"))
async def test_a_virtual_account_waits_for_its_deposit(
    browse: Browse, gateway: str, device: str
) -> None:
    buyer = await browse(device)
    await buyer.choose(gateway, "Virtual account")
    await buyer.buy()
    await buyer.clicks("Get a virtual account")
    await buyer.told("Transfer ₩5,000 by")
    await expect(buyer.page.get_by_text("Account number", exact=True)).to_be_visible()
    await buyer.back_in_the_store()
    await buyer.told("Transfer ₩5,000 by")
    await buyer.has(5)
    await deposits(buyer)
    await bought(buyer)


async def test_an_order_that_waits_for_a_deposit_is_called_off(browse: Browse) -> None:
    buyer = await browse()
    buyer.expects("400 /payment/toss/confirm")  # asked about it once more
    await buyer.choose("Toss Payments", "Virtual account")
    await buyer.buy()
    await buyer.clicks("Get a virtual account")
    await buyer.told("Transfer ₩5,000 by")
    await buyer.back_in_the_store()
    await buyer.page.reload()
    await buyer.store.get_by_role("button", name="Cancel order").click()
    await buyer.told("Order canceled")
    assert buyer.orders() == ["canceled"]


async def deposits(buyer: Shopper) -> None:
    bank = await buyer.at_the_bank()
    account = bank.locator("li").filter(has_text=buyer.order_id())
    await account.get_by_role("button").click()
    await expect(account).to_contain_text("Deposited")
    await bank.close()


async def test_price_that_the_gateway_refuses_is_told(browse: Browse) -> None:
    """The buyer is asked to pay another way: the order is closed."""
    buyer = await browse()
    buyer.expects("400 /payment/toss/create")
    refusal = {"success": False, "error": "Refused", "code": AmountNotChargeable.code}

    async def refuse(route: Route) -> None:
        await route.fulfill(status=400, json=refusal)

    await buyer.choose("Toss Payments")
    await buyer.page.route("**/payment/toss/create", refuse)
    await buyer.buy()
    await buyer.told("isn’t available right now")
    await expect(buyer.store).to_contain_text("You weren’t charged.")
    await buyer.page.unroute("**/payment/toss/create")
