"""Plans on their page: had at a gateway, by its window, and ended where they were begun."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.browser.test_page import accessible
from tests.browser.test_ways import of_a_shop_that

if TYPE_CHECKING:
    from playwright.async_api import Locator

    from tests.browser.conftest import Browse
    from tests.browser.shopper import Shopper

STATE = """
select plan_id, gateway, status, cancel_at_end, next_plan_id from token_subscriptions
where user_id = %s order by created_at
"""
CONSENTS = """
select c.kind, c.terms -> 'amount', c.terms #>> '{shown,shown}', c.terms #>> '{shown,text}'
from coinslot.subscription_consents c
join token_subscriptions s on s.id = c.subscription_id
where s.user_id = %s order by c.id
"""
PAID = """
select amount, currency, status from token_payments where user_id = %s and paid > 0
order by created_at
"""
# Nobody waits ten minutes: the card was tried long ago.
LONG_AGO = """
update coinslot.cycle_charges h set created_at = h.created_at - interval '1 hour'
from token_payments p where p.id = h.payment_id and p.user_id = %s returning h.id
"""


def plans(person: Shopper) -> Locator:
    return person.page.locator("coinslot-plans")


def own(person: Shopper) -> Locator:
    return person.page.locator("coinslot-subscription")


async def chosen(person: Shopper, plan: str) -> None:
    await person.page.goto(f"{person.url}/store/subscription")
    radios = plans(person).get_by_role("radio")
    await expect(radios.first).to_be_visible()
    # Nobody is given a plan that they have not asked for.
    assert await plans(person).locator("[name=plan]:checked").count() == 0
    await plans(person).get_by_role("radio", name=re.compile(rf"^{plan}\s")).check()


async def subscribes(person: Shopper, card: str, plan: str = "Plus") -> None:
    """With a new card, in the fields that the gateway has in the page."""
    await chosen(person, plan)
    await plans(person).locator("#pay").click()
    await types_in(plans(person), card)
    await plans(person).locator("#pay").click()


async def types_in(element: Locator, card: str) -> None:
    await element.frame_locator("iframe").get_by_text(card, exact=True).click()


async def test_a_plan_is_subscribed_to_and_canceled_on_one_page(browse: Browse) -> None:
    person = await browse(reduced_motion="reduce")
    await chosen(person, "Plus")
    for told in ("You’ll be charged $7.90 today", "Cancel anytime", "Plan tokens you don’t use"):
        await expect(plans(person)).to_contain_text(told)
    await accessible(person.page)
    await plans(person).locator("#pay").click()
    await types_in(plans(person), "is paid")
    await accessible(person.page)
    await plans(person).locator("#pay").click()
    await person.told("You’re subscribed to Plus")
    await expect(plans(person).locator("#result")).to_be_focused()
    await person.has(305)
    await expect(own(person)).to_contain_text(re.compile(r"Next payment\s*\w+ \d+.*\$7\.90"))
    await expect(own(person)).to_contain_text("Visa •••• 4242")
    await accessible(person.page)
    await cancels(person)
    user = person.shop.buyer.id
    assert person.shop.select(STATE, user) == [("plus", "stripe", "active", True, None)]
    await own(person).get_by_role("button", name="Keep plan").click()
    await expect(own(person).get_by_role("button", name="Cancel plan")).to_be_visible()
    assert person.shop.select(STATE, user) == [("plus", "stripe", "active", False, None)]
    [(kind, amount, shown, version), *_] = person.shop.select(CONSENTS, user)
    assert (kind, amount, version) == ("subscribe", 790, "subscribe-1")
    agreed = r"You’ll be charged \$7\.90 today and every month until you cancel, next on \w+ \d+\."
    assert re.search(agreed, shown)
    history = own(person).locator("details.past")
    await history.locator("summary").click()
    await expect(history.locator("li").last).to_contain_text("Subscribed")
    await expect(history).to_contain_text("First payment")
    await accessible(person.page)


TASTER = """
select public.coinslot_set_plan('taster', 'month', 'Taster', '맛보기', 300,
  '{"USD": 790, "KRW": 9900}', family => 'tasted', trial_days => 14, trial_tokens => 30)
"""


async def test_a_trial_is_begun_and_gone_on_with_only_by_a_yes(browse: Browse) -> None:
    person = await browse(reduced_motion="reduce")
    with person.shop.stack.connect() as connection:
        connection.execute(TASTER)
    try:
        await chosen(person, "Taster")
        for told in ("You aren’t charged today", "only if you agree", "14 days free", "$0.00"):
            await expect(plans(person)).to_contain_text(told)
        # Beside the name, in one line.
        badge = await plans(person).locator(".pack .each:not(:empty)").last.bounding_box()
        assert badge is not None
        assert badge["height"] < 40
        await accessible(person.page)
        await plans(person).locator("#pay").click()
        await types_in(plans(person), "is paid")
        await plans(person).locator("#pay").click()
        await person.told("Your Taster trial has begun")
    finally:
        with person.shop.stack.connect() as connection:
            connection.execute("select public.coinslot_remove_plan('taster')")
    await person.has(35)
    user = person.shop.buyer.id
    assert person.shop.select(STATE, user) == [("taster", "stripe", "trialing", False, None)]
    assert person.shop.select(PAID, user) == []
    await expect(own(person)).to_contain_text(re.compile(r"Next payment\s*None"))
    await own(person).get_by_role("button", name="Go on after the trial").click()
    dialog = own(person).get_by_role("dialog", name="Go on after the trial?")
    await expect(dialog).to_contain_text("$7.90 every month until you cancel")
    await accessible(person.page)
    await dialog.get_by_role("button", name="I agree").click()
    await expect(own(person)).to_contain_text(re.compile(r"Next payment\s*\w+ \d+.*\$7\.90"))
    consents = person.shop.select(CONSENTS, user)
    assert [each[:2] for each in consents] == [("subscribe", 790), ("price", 790)]
    assert "Paid with Visa •••• 4242" in consents[1][2]
    await own(person).get_by_role("button", name="Cancel plan").click()
    dialog = own(person).get_by_role("dialog", name="Cancel your plan?")
    await expect(dialog).to_contain_text("You won’t be charged")
    await dialog.get_by_role("button").last.click()
    await expect(own(person).locator(".chip")).to_contain_text("Ends")
    assert person.shop.select(PAID, user) == []


async def cancels(person: Shopper) -> None:
    """One press, and one to say that it was meant."""
    await own(person).get_by_role("button", name="Cancel plan").click()
    dialog = own(person).get_by_role("dialog", name="Cancel your plan?")
    await expect(dialog).to_contain_text("You won’t be charged again")
    keep, cancel = dialog.get_by_role("button").first, dialog.get_by_role("button").last
    boxes = [await each.bounding_box() for each in (keep, cancel)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["height"] == boxes[1]["height"]
    assert abs(boxes[0]["width"] - boxes[1]["width"]) < 2
    await accessible(person.page)
    await cancel.click()
    await expect(own(person).locator(".chip")).to_contain_text("Ends")
    await expect(own(person)).to_contain_text("You won’t be charged again.")


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


async def subscribes_at(person: Shopper, gateway: str) -> None:
    """In won, through that gateway alone."""
    await chosen(person, "플러스")
    await plans(person).evaluate("(plans, name) => (plans.gateway = name)", gateway)
    await plans(person).locator("#pay").click()
    await person.clicks("이 카드 등록하기")
    await person.told("플러스 구독을 시작했어요")
    await person.has(305)


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


async def test_a_dearer_plan_costs_what_was_quoted_and_a_cheaper_one_waits(
    browse: Browse,
) -> None:
    person = await browse(reduced_motion="reduce")
    await subscribes(person, "is paid")
    await person.told("You’re subscribed to Plus")
    dialog = await changes(person, "Pro")
    await expect(dialog).to_contain_text(re.compile(r"You pay \$1[12]\.\d\d now"))
    await accessible(person.page)
    quoted = await dialog.locator("[name=yes]").inner_text()
    await dialog.locator("[name=yes]").click()
    await expect(own(person)).to_contain_text("You’re on Pro now")
    user = person.shop.buyer.id
    [_, (amount, _, _)] = person.shop.select(PAID, user)
    assert f"${amount / 100:.2f}" in quoted
    dialog = await changes(person, "Plus")
    await expect(dialog).to_contain_text("Nothing changes until")
    await dialog.locator("[name=yes]").click()
    await expect(own(person)).to_contain_text("Plus for $7.90 a month")
    assert person.shop.select(STATE, user) == [("pro", "stripe", "active", False, "plus")]
    await own(person).get_by_role("button", name="Keep Pro").click()
    await expect(own(person).get_by_role("button", name="Change plan")).to_be_visible()
    assert person.shop.select(STATE, user) == [("pro", "stripe", "active", False, None)]
    assert len(person.shop.select(PAID, user)) == 2


async def changes(person: Shopper, plan: str) -> Locator:
    await own(person).get_by_role("button", name="Change plan").click()
    dialog = own(person).get_by_role("dialog", name="Change your plan")
    await dialog.get_by_role("radio", name=re.compile(f"^{plan} ")).check()
    await expect(dialog.locator("[name=yes]")).to_be_visible()
    return dialog


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
