"""Toss on a phone: its window takes the place of the page, and comes back to another one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.plan_pages import PAID, STATE, chosen, own, plans
from tests.browser.test_page import accessible
from tests.browser.test_top_ups import AN_HOUR_LATER, BOUGHT, comes_back, top_up
from tests.browser.test_top_ups import PAID as TOPPED_UP
from tests.browser.test_top_ups import STATE as TOP_UP
from tests.browser.test_ways import of_a_shop_that

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.browser.conftest import Browse
    from tests.browser.shopper import Shopper
    from tests.support.stacks import LocalStack

STORE = "이 카드 등록하기"
LEAVE = "등록하지 않고 닫기"


@pytest_asyncio.fixture
async def at_will(stack: LocalStack) -> AsyncIterator[None]:
    with stack.connect() as connection:
        connection.execute("select public.coinslot_set_unattended('toss', 'at_will')")
    yield
    with stack.connect() as connection:
        connection.execute("select public.coinslot_set_unattended('toss', 'periodic')")


def tops_up(config: dict[str, Any]) -> None:
    config["topUps"] = [{"currency": "KRW", "gateway": "toss"}]


async def goes_to_the_window(person: Shopper) -> None:
    """Having agreed to a top-up."""
    await of_a_shop_that(person, tops_up)
    await person.page.goto(f"{person.url}/store/subscription")
    await top_up(person).get_by_role("button", name="자동 충전 설정하기").click()
    await top_up(person).get_by_role("radio", name=re.compile("^스타터")).check()
    await top_up(person).get_by_label("토큰이 이보다 적으면 사기").fill("6")
    await top_up(person).get_by_role("button", name="동의하고 켜기").click()


@pytest.mark.usefixtures("at_will")
async def test_a_top_up_is_switched_on_with_the_card_that_was_stored_meanwhile(
    browse: Browse,
) -> None:
    person = await browse("phone", locale="ko-KR", reduced_motion="reduce")
    user = person.shop.buyer.id
    await goes_to_the_window(person)
    await person.window.get_by_role("button", name=STORE).click()
    await expect(top_up(person)).to_contain_text("자동 충전을 켰어요.")
    assert person.page.url == f"{person.url}/billing/success"
    assert person.shop.select(TOP_UP, user) == [("on", None, 6, 15000)]
    await accessible(person.page)
    person.shop.select(AN_HOUR_LATER, user)
    await comes_back(person, TOPPED_UP)
    await expect(top_up(person)).to_contain_text(re.compile(r"최근 30일 횟수\s*5번 중 1번"))
    assert person.shop.select(BOUGHT, user) == [(5000, "KRW", "completed")]
    # A reload stores nothing again, and switches nothing on.
    await top_up(person).get_by_role("button", name="끄기").click()
    await expect(top_up(person)).to_contain_text("자동 충전을 껐어요.")
    await person.page.reload()
    await expect(top_up(person).get_by_role("button", name="자동 충전 설정하기")).to_be_visible()
    assert person.shop.select(TOP_UP, user)[0][0] == "off"


@pytest.mark.usefixtures("at_will")
async def test_a_window_that_is_left_switches_no_top_up_on(browse: Browse) -> None:
    person = await browse("phone", locale="ko-KR", reduced_motion="reduce")
    await goes_to_the_window(person)
    await person.window.get_by_role("button", name=LEAVE).click()
    await expect(top_up(person)).to_contain_text("등록한 카드가 없고, 돈은 빠져나가지 않았어요.")
    # What was filled in is there still.
    await expect(top_up(person).get_by_label("토큰이 이보다 적으면 사기")).to_have_value("6")
    assert person.shop.select(TOP_UP, person.shop.buyer.id) == []


@pytest.mark.proof
async def test_a_plan_is_had_after_its_window(browse: Browse) -> None:
    person = await browse("phone", locale="ko-KR", reduced_motion="reduce")
    await chosen(person, "플러스")
    await plans(person).evaluate("(plans) => (plans.gateway = 'toss')")
    await plans(person).locator("#pay").click()
    await person.window.get_by_role("button", name=STORE).click()
    await person.told("플러스 구독을 시작했어요")
    assert person.page.url == f"{person.url}/billing/success"
    await person.has(305)
    user = person.shop.buyer.id
    assert person.shop.select(STATE, user) == [("plus", "toss", "active", False, None)]
    await person.page.reload()
    await expect(own(person)).to_contain_text("이용 중")
    assert person.shop.select(PAID, user) == [(9900, "KRW", "completed")]
