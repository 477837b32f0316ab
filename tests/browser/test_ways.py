"""Ways to pay, as the sidecar tells the store of them: fields, fallbacks, wallets, languages."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.async_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.conftest import Browse
    from tests.browser.shopper import Shopper

TOLD = """
  const { parse } = JSON
  JSON.parse = (text, ...rest) => {
    const found = parse(text, ...rest)
    return found?.supabaseUrl ? Object.assign(found, %s) : found
  }
"""


async def of_a_shop_that(person: Shopper, change: Callable[[dict[str, Any]], None]) -> None:
    """The store of a shop with other settings, as its page tells them."""
    config = (await person.shop.http.get(f"{person.url}/store/config")).json()
    change(config)
    await person.page.add_init_script(f"{{{TOLD % json.dumps(config)}}}")
    await person.opens()


async def test_what_a_payment_company_wants_of_a_buyer_is_asked_for_and_passed_on(
    browse: Browse,
) -> None:
    buyer = await browse()

    def wants(config: dict[str, Any]) -> None:
        config["gateways"]["portone"]["buyer"] = ["name", "phone"]

    await of_a_shop_that(buyer, wants)
    await buyer.choose("PortOne")
    await buyer.pay_button().press("Enter")  # it says why it cannot pay
    await buyer.told("Enter your name to continue.")
    assert buyer.orders() == []
    await expect(buyer.store.get_by_label("Name")).to_be_focused()
    await buyer.store.get_by_label("Name").fill("Kim Mina")
    await buyer.store.get_by_label("Mobile number").fill("01012345678")
    await buyer.buy()
    window = buyer.page.locator("body > iframe")
    await expect(window).to_have_attribute("src", re.compile(r"buyer=name(%2C|,)phone"))
    kept = await buyer.page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    assert "Mina" not in kept
    assert "0101234" not in kept


async def test_another_gateway_takes_the_way_whose_script_does_not_come(browse: Browse) -> None:
    buyer = await browse()
    card = {"id": "card", "currency": "KRW", "gateway": "toss", "fallbacks": ["portone"]}
    scripts: list[str] = []

    def falls_back(config: dict[str, Any]) -> None:
        config["methods"] = [card]
        scripts.append(config["sdk"]["toss"])

    await of_a_shop_that(buyer, falls_back)
    buyer.expects(f"0 {urlsplit(scripts[0]).path}")
    await buyer.page.route(scripts[0], lambda route: route.abort())
    await buyer.buy()
    await buyer.told("The payment window didn’t load")
    await buyer.store.get_by_role("button", name="Try again").click()
    await buyer.clicks("Pay ₩5,000")
    await buyer.told("10 tokens added")
    query = "select gateway, status from token_payments where user_id = %s order by created_at"
    made = buyer.shop.select(query, buyer.shop.buyer.id)
    assert made == [("toss", "pending"), ("portone", "completed")]


async def test_a_wallet_pays_by_its_own_button(browse: Browse) -> None:
    buyer = await browse()
    wallet = {"id": "googlepay", "currency": "USD", "gateway": "stripe", "inline": "express"}
    await of_a_shop_that(buyer, lambda config: config.update(methods=[wallet]))
    await expect(buyer.store).not_to_contain_text("Card details")
    await buyer.buy()
    button = buyer.store.frame_locator("iframe").get_by_role("button", name="Pay with Google Pay")
    await expect(button).to_be_visible()
    await expect(buyer.pay_button()).to_have_count(0)
    # The order of a payment that the webhook has settled first is over when it is asked for.
    buyer.expects("400 /payment/stripe/create")
    await button.click()
    await buyer.told("10 tokens added")
    assert buyer.shop.row(buyer.order_id())["method"] == "googlepay"


async def test_a_korean_buys_in_korean(browse: Browse) -> None:
    """Also where the gateway names the product, and says why not."""
    buyer = await browse(locale="ko-KR")
    await buyer.choose("Toss Payments", "카드")
    await buyer.pack("스타터 팩").click()
    await buyer.pay_button().click()
    await expect(buyer.window.locator("h1#title")).to_have_text("스타터 팩")
    refused = f"code=REJECT_CARD_PAYMENT&orderId={buyer.order_id()}&message=in%20English"
    await buyer.page.goto(f"{buyer.url}/payment/fail?{refused}")
    await buyer.told("카드사에서 결제를 승인하지 않았어요")
    await buyer.told("한도나 잔액을 확인해 주세요.")
    await expect(buyer.page.locator("body")).not_to_contain_text("English")


WAYS = {
    "card": "toss",
    "kakaopay": "portone",
    "naverpay": "portone",
    "tosspay": "toss",
    "transfer": "toss",
    "virtual_account": "toss",
    "mobile": "portone",
}


def seven_ways(config: dict[str, Any]) -> None:
    config["methods"] = [
        {"id": name, "currency": "KRW", "gateway": gateway} for name, gateway in WAYS.items()
    ]
    config["links"] = {"terms": "https://shop.test/terms", "refunds": "https://shop.test/refunds"}
    config["refundDays"] = 7


async def test_a_phone_has_all_of_it_on_its_first_screen_and_pays_in_one_press(
    browse: Browse,
) -> None:
    buyer = await browse("phone", locale="ko-KR")
    buyer.expects("400 /api/payments/complete")  # nobody has paid in the window
    await of_a_shop_that(buyer, seven_ways)
    bar = await buyer.store.locator(".pay").bounding_box()
    assert bar
    assert bar["y"] + bar["height"] <= 844
    await expect(buyer.store.locator(".pay .terms")).to_contain_text("환불 정책")
    for each in (".pack", ".method"):
        last = await buyer.store.locator(each).last.bounding_box()
        assert last
        assert last["y"] + last["height"] <= bar["y"], each
    await expect(buyer.store).not_to_contain_text(re.compile("포트원|토스페이먼츠|PortOne|Toss"))
    await buyer.store.locator(".method").filter(has_text="카카오페이").click()
    for _ in range(2):  # the way is chosen already the second time
        await buyer.pay_button().click()
        await expect(buyer.window.locator(".way")).to_contain_text("카카오페이")
        await buyer.opens()
