"""A plan that somebody has: what it says of itself, canceled, kept and changed on one page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.async_api import expect

from tests.browser.plan_pages import (
    A_DAY,
    CONSENTS,
    PAID,
    STATE,
    cancels,
    changes,
    chosen,
    is_left,
    own,
    plans,
    subscribes,
    subscribes_at,
    time_passes,
    types_in,
)
from tests.browser.test_page import accessible

if TYPE_CHECKING:
    from tests.browser.conftest import Browse


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
    agreed = rf"You’ll be charged \$7\.90 today and every month until you cancel, next on {A_DAY}\."
    assert re.search(agreed, shown)
    history = own(person).locator("details.past")
    await history.locator("summary").click()
    await expect(history.locator("li").last).to_contain_text("Subscribed")
    await expect(history).to_contain_text("First payment")
    await accessible(person.page)


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


async def test_a_renewal_is_told_ahead_and_can_be_canceled_there(browse: Browse) -> None:
    person = await browse(reduced_motion="reduce")
    await subscribes(person, "is paid")
    await person.told("You’re subscribed to Plus")
    await is_left(person, days=10)
    await expect(own(person)).to_contain_text(re.compile(r"Next payment\s*\w+ \d+.*\$7\.90"))
    await expect(own(person).locator(".banner")).to_have_count(0)
    await is_left(person, days=2)
    told = rf"You’ll be charged \$7\.90 on {A_DAY}, with Visa •••• 4242\. If you cancel before then"
    await expect(own(person).locator(".banner")).to_contain_text(re.compile(told))
    await accessible(person.page)
    await cancels(person)
    await expect(own(person).locator(".banner")).to_have_count(1)
    await time_passes(person)
    assert person.shop.select(PAID, person.shop.buyer.id) == [(790, "USD", "completed")]


async def test_a_renewal_that_was_declined_is_told_with_what_comes_next(browse: Browse) -> None:
    person = await browse(locale="ko-KR", reduced_motion="reduce")
    await subscribes_at(person, "toss")
    shop = person.shop
    [(card,)] = shop.select(
        "select customer from coinslot.billing_keys where user_id = %s", shop.buyer.id
    )
    url = f"{shop.stack.settings.simulators_url}/toss/_sim/cards/{card}"
    (await shop.http.put(url, json={"next": ["soft", "hard"]})).raise_for_status()
    await time_passes(person)
    await expect(own(person).locator(".chip")).to_have_text("결제 실패")
    await expect(own(person).locator(".banner")).to_contain_text(re.compile(r"\d+월 \d+일.*다시"))
    await accessible(person.page)
    # Issuers count: at once is too soon.
    person.expects("429 /rest/v1/rpc/pay_token_subscription")
    await own(person).get_by_role("button", name=re.compile("지금")).click()
    await expect(own(person)).to_contain_text(re.compile(r"(9|10)분 뒤에"))
    assert shop.select(PAID, shop.buyer.id) == [(9900, "KRW", "completed")]
