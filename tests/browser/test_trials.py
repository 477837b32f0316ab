"""Trials on the page of plans: begun, told of their first charge, gone on with, and left."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.async_api import expect

from tests.browser.plan_pages import (
    A_DAY,
    CONSENTS,
    ENDED,
    PAID,
    STATE,
    chosen,
    own,
    plans,
    time_passes,
    types_in,
)
from tests.browser.test_page import accessible

if TYPE_CHECKING:
    from tests.browser.conftest import Browse
    from tests.browser.shopper import Shopper

TASTER = """
select public.coinslot_set_plan('taster', 'month', 'Taster', '맛보기', 300,
  '{"USD": 790, "KRW": 9900}', family => 'tasted', trial_days => 14, trial_tokens => 30)
"""


async def trying(browse: Browse) -> Shopper:
    """Somebody whose trial has begun, of a plan that is off sale by then."""
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
    return person


async def agrees(person: Shopper) -> None:
    await own(person).get_by_role("button", name="Go on after the trial").click()
    dialog = own(person).get_by_role("dialog", name="Go on after the trial?")
    await expect(dialog).to_contain_text("$7.90 every month until you cancel")
    await accessible(person.page)
    await dialog.get_by_role("button", name="I agree").click()
    await expect(own(person)).to_contain_text(re.compile(r"Next payment\s*\w+ \d+.*\$7\.90"))


async def leaves(person: Shopper) -> None:
    await own(person).get_by_role("button", name="Cancel plan").click()
    dialog = own(person).get_by_role("dialog", name="Cancel your plan?")
    await expect(dialog).to_contain_text("You won’t be charged")
    await dialog.get_by_role("button").last.click()
    await expect(own(person).locator(".chip")).to_contain_text("Ends")


async def test_a_trial_is_begun_and_gone_on_with_only_by_a_yes(browse: Browse) -> None:
    person = await trying(browse)
    await person.has(35)
    user = person.shop.buyer.id
    assert person.shop.select(STATE, user) == [("taster", "stripe", "trialing", False, None)]
    assert person.shop.select(PAID, user) == []
    await expect(own(person)).to_contain_text(re.compile(r"Next payment\s*None"))
    await expect(own(person).locator(".banner")).to_contain_text("Otherwise it ends")
    await agrees(person)
    consents = person.shop.select(CONSENTS, user)
    assert [each[:2] for each in consents] == [("subscribe", 790), ("price", 790)]
    assert "Paid with Visa •••• 4242" in consents[1][2]
    await time_passes(person)
    await expect(own(person).locator(".chip")).to_have_text("Active")
    assert person.shop.select(PAID, user) == [(790, "USD", "completed")]


async def test_a_trial_that_is_left_after_its_yes_is_never_charged(browse: Browse) -> None:
    """Told of the first charge, its day and its card, somebody leaves on the same page."""
    person = await trying(browse)
    await agrees(person)
    told = own(person).locator(".banner")
    await expect(told).to_contain_text(
        re.compile(rf"Your trial ends on {A_DAY}\. From then on you’re charged \$7\.90 a month")
    )
    await expect(own(person)).to_contain_text("Visa •••• 4242")
    await leaves(person)
    await expect(told).to_contain_text("You won’t be charged.")
    await expect(own(person)).to_contain_text(re.compile(r"Next payment\s*None"))
    await time_passes(person)
    await expect(own(person).locator(".chip")).to_have_text("Ended")
    user = person.shop.buyer.id
    assert person.shop.select(ENDED, user) == [("ended", "canceled")]
    await never_charged(person)


async def test_a_trial_without_an_answer_ends_and_is_never_charged(browse: Browse) -> None:
    person = await trying(browse)
    await time_passes(person)
    await expect(own(person).locator(".chip")).to_have_text("Ended")
    assert person.shop.select(ENDED, person.shop.buyer.id) == [("ended", "trial_over")]
    await never_charged(person)


async def never_charged(person: Shopper) -> None:
    """Not by an order, nor at the gateway."""
    user = person.shop.buyer.id
    assert person.shop.select("select id from token_payments where user_id = %s", user) == []
    await expect(own(person).get_by_role("button", name="Cancel plan")).to_have_count(0)
