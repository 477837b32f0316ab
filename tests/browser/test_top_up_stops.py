"""Stops of a top-up other than by declines: what its owner reads, and how it goes on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.test_page import accessible
from tests.browser.test_top_ups import (
    AN_HOUR_LATER,
    BOUGHT,
    PAID,
    STATE,
    SUSPENDED,
    at_will,
    comes_back,
    enters,
    sets_up,
    top_up,
    tops_up,
)
from tests.browser.test_ways import of_a_shop_that
from tests.support.stripe_shop import StripeShop

if TYPE_CHECKING:
    from playwright.async_api import Locator

    from tests.browser.conftest import Browse
    from tests.browser.shopper import Shopper

__all__ = ["at_will"]

# The page looks three times a minute.
SOON = 60_000
CARD = re.compile(r"/_sim/cards/(\w+)$")
LEASE_OVER = """
update coinslot.top_up_charges h set leased_until = clock_timestamp()
where h.user_id = %s and h.state = 'open' returning h.id
"""
# Its gateway has been told another sum.
OTHERWISE = """
update token_payments p set amount = p.amount + 100 from coinslot.top_up_charges h
where p.id = h.payment_id and h.user_id = %s and h.state = 'open' returning p.order_id
"""
OLD = """
update coinslot.top_up_orders o set created_at = o.created_at - interval '31 days'
where o.user_id = %s returning o.payment_id
"""
ONE = re.compile(r"Purchases in 30 days\s*1 of 5")


def button(person: Shopper, name: str) -> Locator:
    return top_up(person).get_by_role("button", name=name)


async def is_on(person: Shopper, *, cap: str = "20") -> None:
    """With a card that is paid, and more tokens than the threshold."""
    await sets_up(person, threshold="5", cap=cap)
    await enters(person, "is paid")
    await expect(top_up(person).locator(".chip")).to_have_text("On")


def stripe(person: Shopper) -> StripeShop:
    shop = person.shop
    return StripeShop(shop.stack, shop.http, shop.buyer, shop.sidecar)


def card(person: Shopper) -> str:
    """The card that was stored last, as Stripe knows it."""
    return [found[1] for each in person.requests if (found := CARD.search(each))][-1]


async def plans(person: Shopper, course: str) -> None:
    """The course of the card's next charge."""
    await stripe(person).play(f"cards/{card(person)}", "PUT", next=[course])


async def spends(person: Shopper) -> None:
    """So much that a pack is to be bought, at the next look."""
    await person.shop.rpc("spend_tokens", person.shop.buyer, amount=2, idempotency_key="below")
    person.shop.select(AN_HOUR_LATER, person.shop.buyer.id)


async def allows(person: Shopper, unattended: str) -> None:
    with person.shop.stack.connect() as connection:
        connection.execute("select public.coinslot_set_unattended('stripe', %s)", [unattended])


async def goes_on(person: Shopper) -> None:
    """As it was, once its owner has agreed again."""
    await button(person, "Agree and switch on").click()
    await expect(top_up(person).locator(".chip")).to_have_text("On")
    person.shop.select(AN_HOUR_LATER, person.shop.buyer.id)
    await comes_back(person, PAID)
    await expect(top_up(person)).to_contain_text(ONE)


@pytest.mark.usefixtures("at_will")
async def test_one_whose_shop_may_charge_no_more_goes_on_when_its_owner_says_so(
    browse: Browse,
) -> None:
    person = await browse(reduced_motion="reduce")
    await is_on(person)
    await allows(person, "periodic")
    await spends(person)
    await comes_back(person, SUSPENDED)
    told = "Nothing can be bought automatically right now."
    await expect(top_up(person)).to_contain_text(told)
    await accessible(person.page)
    # There is nothing to be mended by its owner.
    assert await top_up(person).get_by_role("button").all_inner_texts() == ["Switch off"]
    await allows(person, "at_will")
    await person.page.reload()
    told = "Nothing is bought automatically until you switch it on again."
    await expect(top_up(person)).to_contain_text(told)
    await accessible(person.page)
    assert person.shop.select(BOUGHT, person.shop.buyer.id) == []
    await button(person, "Switch on again").click()
    await goes_on(person)
    assert person.shop.select(BOUGHT, person.shop.buyer.id) == [(400, "USD", "completed")]


@pytest.mark.proof
@pytest.mark.usefixtures("at_will")
async def test_one_whose_money_is_reviewed_waits_for_that(browse: Browse) -> None:
    person = await browse("phone", reduced_motion="reduce")
    user = person.shop.buyer.id
    await is_on(person)
    await plans(person, "unknown")
    await spends(person)
    open_charges = "select id from coinslot.top_up_charges where user_id = %s and state = 'open'"
    await person.shop.until(lambda: bool(person.shop.select(open_charges, user)))
    person.shop.select(LEASE_OVER, user)
    waiting = "waiting to hear from your bank about the last purchase"
    await expect(top_up(person)).to_contain_text(waiting, timeout=SOON)
    await accessible(person.page)
    # The bank says yes, to less money than the order has.
    [(order,)] = person.shop.select(OTHERWISE, user)
    [intent] = await stripe(person).intents(order)
    await stripe(person).play("deposit", payment_key=intent["id"])
    person.shop.select(LEASE_OVER, user)
    await expect(top_up(person)).to_contain_text("We’re reviewing a payment", timeout=SOON)
    assert await top_up(person).get_by_role("button").all_inner_texts() == ["Switch off"]
    await accessible(person.page)
    # Switched off and on it waits all the same.
    await button(person, "Switch off").click()
    await button(person, "Set up auto top-up").click()
    person.expects("409 /rest/v1/rpc/set_token_top_up")
    await top_up(person).get_by_role("radio", name=re.compile("^Starter")).check()
    await top_up(person).get_by_label("Buy when I have fewer tokens than").fill("5")
    await button(person, "Agree and switch on").click()
    await expect(top_up(person).get_by_role("alert")).to_contain_text("It can’t be switched on yet")
    assert person.shop.select(STATE, user)[0][0] == "off"
    await stripe(person).play("refund", payment_key=intent["id"])
    await person.shop.until(lambda: stripe(person).row(order)["status"] != "review")
    person.shop.select(OLD, user)
    await goes_on(person)


@pytest.mark.proof
@pytest.mark.usefixtures("at_will")
async def test_a_card_whose_bank_wants_its_owner_is_mended_by_another(browse: Browse) -> None:
    person = await browse(reduced_motion="reduce")
    await is_on(person)
    await plans(person, "auth")
    await spends(person)
    await comes_back(person, SUSPENDED)
    await expect(top_up(person).locator(".chip")).to_have_text("Stopped")
    await expect(top_up(person)).to_contain_text("Your bank wants you to confirm each payment")
    assert person.shop.select(STATE, person.shop.buyer.id)[0][:2] == ("suspended", "authentication")
    await button(person, "Choose another card").click()
    await enters(person, "is paid")
    await expect(top_up(person).locator(".chip")).to_have_text("On")
    person.shop.select(AN_HOUR_LATER, person.shop.buyer.id)
    await comes_back(person, PAID)
    await expect(top_up(person)).to_contain_text(ONE)


@pytest.mark.proof
@pytest.mark.usefixtures("at_will")
async def test_a_card_that_its_gateway_has_forgotten_is_mended_by_another(browse: Browse) -> None:
    person = await browse("phone", reduced_motion="reduce")
    await is_on(person)
    await stripe(person).play(f"cards/{card(person)}", "DELETE")
    await spends(person)
    await comes_back(person, SUSPENDED)
    await expect(top_up(person).locator(".chip")).to_have_text("Stopped")
    await expect(top_up(person)).to_contain_text("Choose another card to go on")
    await accessible(person.page)
    await button(person, "Choose another card").click()
    await enters(person, "is paid")
    await expect(top_up(person).locator(".chip")).to_have_text("On")
    person.shop.select(AN_HOUR_LATER, person.shop.buyer.id)
    await comes_back(person, PAID)
    await expect(top_up(person)).to_contain_text(ONE)


@pytest.mark.proof
@pytest.mark.usefixtures("at_will")
async def test_one_that_has_reached_its_limit_says_so_and_goes_on_with_a_higher_one(
    browse: Browse,
) -> None:
    person = await browse(reduced_motion="reduce")
    user = person.shop.buyer.id
    await is_on(person, cap="4")
    await spends(person)
    full = "another purchase would go over your limit of 30 days"
    await expect(top_up(person)).to_contain_text(full, timeout=SOON)
    await accessible(person.page)
    await expect(top_up(person).locator(".chip")).to_have_text("On")
    await person.shop.rpc("spend_tokens", person.shop.buyer, amount=10, idempotency_key="more")
    await button(person, "Change").click()
    await top_up(person).get_by_label(re.compile("^Pay at most")).fill("8")
    await button(person, "Agree and switch on").click()
    await expect(top_up(person)).not_to_contain_text(full)
    assert len(person.shop.select(BOUGHT, user)) == 1
    person.shop.select(AN_HOUR_LATER, user)
    await expect(top_up(person)).to_contain_text(re.compile(r"\$8\.00 of \$8\.00"), timeout=SOON)


@pytest.mark.proof
@pytest.mark.usefixtures("at_will")
async def test_in_korean_it_says_why_it_stopped_and_how_it_goes_on(browse: Browse) -> None:
    person = await browse("phone", reduced_motion="reduce")
    await is_on(person)
    await allows(person, "periodic")
    await spends(person)
    await comes_back(person, SUSPENDED)
    await expect(top_up(person).locator(".chip")).to_have_text("Stopped")
    korean = await browse("phone", shop=person.shop, locale="ko-KR", reduced_motion="reduce")
    await of_a_shop_that(korean, tops_up)
    await korean.page.goto(f"{korean.url}/store/subscription")
    await expect(top_up(korean)).to_contain_text("지금은 자동으로 충전할 수 없어요.")
    await allows(korean, "at_will")
    await korean.page.reload()
    await expect(top_up(korean)).to_contain_text("다시 켜기 전에는 자동으로 결제하지 않아요.")
    await accessible(korean.page)
    await button(korean, "다시 켜기").click()
    await button(korean, "동의하고 켜기").click()
    await expect(top_up(korean)).to_contain_text("자동 충전을 켰어요.")
