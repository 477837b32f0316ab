"""Plans on their page: had at a gateway, by its window, or not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.browser.plan_pages import (
    LONG_AGO,
    PAID,
    STATE,
    chosen,
    own,
    plans,
    subscribes,
    subscribes_at,
    types_in,
)
from tests.browser.test_page import accessible
from tests.browser.test_ways import of_a_shop_that

if TYPE_CHECKING:
    from tests.browser.conftest import Browse


async def test_a_window_that_leaves_the_page_comes_back_to_the_plan(browse: Browse) -> None:
    person = await browse("phone", locale="ko-KR", reduced_motion="reduce")
    await chosen(person, "플러스")
    await plans(person).locator("#pay").click()
    await person.window.get_by_role("button", name="이 카드 등록하기").click()
    await person.told("플러스 구독을 시작했어요")
    # What the window has carried is in no address that anybody could keep.
    assert person.page.url == f"{person.url}/billing/success"
    await person.has(305)
    assert person.shop.select(PAID, person.shop.buyer.id) == [(9900, "KRW", "completed")]
    await accessible(person.page)
    await person.page.reload()
    await expect(own(person)).to_contain_text("이용 중")
    assert person.shop.select(PAID, person.shop.buyer.id) == [(9900, "KRW", "completed")]


@pytest.mark.parametrize("gateway", ["toss", "portone"])
async def test_a_window_over_the_page_stores_a_card(browse: Browse, gateway: str) -> None:
    person = await browse(locale="ko-KR")
    await subscribes_at(person, gateway)
    assert person.shop.select(STATE, person.shop.buyer.id) == [
        ("plus", gateway, "active", False, None)
    ]


async def test_a_window_that_is_left_stores_and_charges_nothing(browse: Browse) -> None:
    person = await browse("phone", locale="ko-KR")
    await chosen(person, "플러스")
    await plans(person).locator("#pay").click()
    await person.window.get_by_role("button", name="등록하지 않고 닫기").click()
    await person.told("돈은 빠져나가지 않았어요")
    assert person.shop.select(STATE, person.shop.buyer.id) == []


async def test_a_bank_that_asks_for_its_customer_is_answered(browse: Browse) -> None:
    person = await browse()
    await subscribes(person, "asks for 3-D Secure when it is charged")
    window = person.page.frame_locator("body > iframe").last
    await window.get_by_role("button", name="Yes, it is me").click()
    person.expects("404 /billing/subscriptions/*/authenticate")  # where the webhook came first
    await person.told("You’re subscribed to Plus")
    await person.has(305)


async def test_a_declined_card_is_told_in_our_words_and_another_one_pays(browse: Browse) -> None:
    person = await browse(reduced_motion="reduce")
    await subscribes(person, "is declined when it is charged")
    await person.told("Your card was declined. Check your limit or balance. You weren’t charged.")
    await expect(own(person).locator(".chip")).to_have_text("Not paid yet")
    await accessible(person.page)
    await person.has(5)
    await own(person).get_by_role("button", name="Change card").click()
    await own(person).get_by_role("radio", name="New card").check()
    await own(person).get_by_role("button", name="Use this card").click()
    await types_in(own(person), "is paid")
    await own(person).get_by_role("button", name="Save card").click()
    await expect(own(person).locator(".chip")).to_have_text("Active")
    await person.has(305)
    user = person.shop.buyer.id
    assert person.shop.select(STATE, user) == [("plus", "stripe", "active", False, None)]
    assert person.shop.select(PAID, user) == [(790, "USD", "completed")]


async def test_an_unpaid_plan_is_paid_by_its_owner(browse: Browse) -> None:
    """But not twice within ten minutes, since issuers count."""
    person = await browse()
    await subscribes(person, "is declined when it is charged")
    await person.told("Your card was declined.")
    # Playwright's own browser tells of every refusal.
    person.expects("429 /rest/v1/rpc/pay_token_subscription")
    pay = own(person).get_by_role("button", name="Pay $7.90 now")
    await pay.click()
    await expect(own(person)).to_contain_text(re.compile(r"Try again in (9|10) min"))
    person.shop.select(LONG_AGO, person.shop.buyer.id)
    await pay.click()
    await expect(own(person)).to_contain_text("Your card was declined. Check your limit")


async def test_a_shop_without_plans_says_nothing_of_them(browse: Browse) -> None:
    person = await browse()
    link = person.page.locator("#plans")
    await expect(link).to_be_visible()

    def sells_none(config: dict[str, Any]) -> None:
        config["subscriptions"] = []

    await of_a_shop_that(person, sells_none)
    await expect(link).to_be_hidden()
    await person.page.goto(f"{person.url}/store/subscription")
    await expect(plans(person)).to_contain_text("There are no plans right now.")
