"""Cash receipts through the store: asked for, corrected, left out, never in the way of paying."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from playwright.async_api import expect

from tests.browser.test_page import accessible
from tests.browser.test_ways import of_a_shop_that

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.conftest import Browse
    from tests.browser.shopper import Shopper
    from tests.support.shop import Shop

PHONE = "010-2345-6789"
ASKED = """
select r.kind, n.number, r.status from coinslot.cash_receipts r
inner join token_payments p on p.id = r.payment_id
left join coinslot.cash_receipt_numbers n on n.payment_id = r.payment_id
where p.user_id = %s
"""


@contextmanager
def issuing(shop: Shop) -> Iterator[None]:
    change = "update coinslot.settings set cash_receipts = %s returning 1"
    shop.select(change, "on_request")
    try:
        yield
    finally:
        shop.select(change, "off")


def deposits_have_one(config: dict[str, Any]) -> None:
    ways = {"card": {}, "virtual_account": {"cashReceipt": True}}
    config["methods"] = [
        {"id": name, "currency": "KRW", "gateway": "portone", **more} for name, more in ways.items()
    ]


async def chooses_a_deposit(buyer: Shopper) -> None:
    await of_a_shop_that(buyer, deposits_have_one)
    await buyer.store.locator(".method").filter(has_text=re.compile("Virtual|가상")).click()


def asked_of(buyer: Shopper) -> list[tuple[Any, ...]]:
    return buyer.shop.select(ASKED, buyer.shop.buyer.id)


async def test_is_asked_for_where_it_is_paid_and_told_of_afterwards(browse: Browse) -> None:
    buyer = await browse("phone")
    with issuing(buyer.shop):
        await of_a_shop_that(buyer, deposits_have_one)
        question = buyer.store.locator("#kind")
        await expect(question).to_have_count(0)  # a card has none
        await chooses_a_deposit(buyer)
        await question.select_option(label="Business, proof of expense")
        number = buyer.store.get_by_label("Business registration number")
        await number.fill("123-45-67890")
        await buyer.pay_button().click()
        await expect(buyer.store.get_by_text("Check the 10 digits")).to_be_visible()
        await expect(number).to_be_focused()
        await accessible(buyer.page)
        assert buyer.orders() == []
        await number.fill("123-45-67891")
        await buyer.pay_button().click()
        await buyer.clicks("Get a virtual account")
        await buyer.told("Transfer ₩5,000 by")
        assert asked_of(buyer) == [("expenditure_proof", "1234567891", "requested")]
        kept = await buyer.page.evaluate("JSON.stringify([localStorage, sessionStorage])")
        assert not re.search("1234567891|123-45", kept)
        await buyer.back_in_the_store()
        await expect(buyer.store.locator(".note coinslot-cash-receipt")).to_have_text(
            re.compile(r"Business, proof of expense · \*\*7891 · Requested")
        )


async def test_who_chose_none_after_all_has_asked_for_none(browse: Browse) -> None:
    buyer = await browse()
    with issuing(buyer.shop):
        buyer.expects("400 /api/payments/complete")  # nobody has paid in the window
        await chooses_a_deposit(buyer)
        question = buyer.store.locator("#kind")
        await question.select_option(label="Personal, income deduction")
        await buyer.store.get_by_label("Mobile or cash receipt card number").fill(PHONE)
        await buyer.pay_button().click()
        await buyer.clicks("Close without paying")
        await expect(buyer.pay_button()).to_be_focused()
        assert asked_of(buyer) == [("income_deduction", "01023456789", "requested")]
        await question.select_option(label="None")
        await buyer.pay_button().click()
        await expect(buyer.window.get_by_role("button", name="Get a virtual")).to_be_visible()
        assert asked_of(buyer) == []
        assert len(buyer.orders()) == 1


async def test_it_is_paid_also_where_it_cannot_be_asked_for(browse: Browse) -> None:
    """And is asked for in the history, in the buyer's language."""
    buyer = await browse(locale="ko-KR")
    with issuing(buyer.shop):
        await chooses_a_deposit(buyer)
        await buyer.store.locator("#kind").select_option(label="소득공제")
        await buyer.store.get_by_label("휴대폰 번호나 현금영수증 카드 번호").fill(PHONE)
        request = "**/rest/v1/rpc/request_token_cash_receipt"
        await buyer.page.route(request, lambda route: route.abort())
        buyer.expects("0 /rest/v1/rpc/request_token_cash_receipt")
        await buyer.pay_button().click()
        await buyer.clicks("가상계좌 발급받기")
        await buyer.told("입금해 주세요")
        receipt = buyer.store.locator(".result coinslot-cash-receipt")
        await expect(receipt).to_contain_text("현금영수증을 신청하지 못했어요")
        await buyer.page.unroute(request)
        await receipt.get_by_role("button", name="현금영수증 신청하기").click()
        await receipt.get_by_label("휴대폰 번호나 현금영수증 카드 번호").fill(PHONE)
        await receipt.get_by_role("button", name="현금영수증 신청하기").click()
        await expect(receipt).to_contain_text("소득공제 · **6789 · 신청했어요")
        assert asked_of(buyer) == [("income_deduction", "01023456789", "requested")]
