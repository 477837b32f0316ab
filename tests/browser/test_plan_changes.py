"""A plan that somebody has: what it says of itself, canceled, kept and changed on one page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.async_api import expect

from tests.browser.plan_pages import (
    CONSENTS,
    PAID,
    STATE,
    cancels,
    changes,
    chosen,
    own,
    plans,
    subscribes,
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
    agreed = r"You’ll be charged \$7\.90 today and every month until you cancel, next on \w+ \d+\."
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
