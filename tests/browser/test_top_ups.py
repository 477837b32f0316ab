"""A pack that is bought by itself: switched on, bought, declined, mended and switched off."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.plan_pages import types_in
from tests.browser.test_page import accessible
from tests.browser.test_ways import of_a_shop_that

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Locator

    from tests.browser.conftest import Browse
    from tests.browser.shopper import Shopper
    from tests.support.stacks import LocalStack

BOUGHT = """
select p.amount, p.currency, p.status from coinslot.top_up_orders o
join token_payments p on p.id = o.payment_id where o.user_id = %s order by o.created_at
"""
PAID = f"select from ({BOUGHT}) b where b.status = 'completed'"
DECLINED = "select from coinslot.top_ups t where t.user_id = %s and t.status = 'on'"
SUSPENDED = "select from coinslot.top_ups where user_id = %s and status = 'suspended'"
STATE = "select status, reason, threshold, monthly_cap from coinslot.top_ups where user_id = %s"
AGREED = "select consent ->> 'text', consent ->> 'shown' from coinslot.top_ups where user_id = %s"
# An hour has passed since whatever was tried last.
AN_HOUR_LATER = """
update coinslot.top_ups t set next_look_at = clock_timestamp() where t.user_id = %s
returning t.user_id
"""


def top_up(person: Shopper) -> Locator:
    return person.page.locator("coinslot-top-up")


@pytest_asyncio.fixture
async def at_will(stack: LocalStack) -> AsyncIterator[None]:
    """The shop's contract lets it charge whenever that is agreed, at one gateway."""
    with stack.connect() as connection:
        connection.execute("select public.coinslot_set_unattended('stripe', 'at_will')")
    yield
    with stack.connect() as connection:
        connection.execute("select public.coinslot_set_unattended('stripe', 'periodic')")


def tops_up(config: dict[str, Any]) -> None:
    """The server hears of it within a minute."""
    config["topUps"] = [{"currency": "USD", "gateway": "stripe"}]


def tops_up_nowhere(config: dict[str, Any]) -> None:
    config["topUps"] = []


async def sets_up(person: Shopper, *, threshold: str = "6", cap: str = "20") -> None:
    """Of the smallest pack, as far as the card."""
    await of_a_shop_that(person, tops_up)
    await person.page.goto(f"{person.url}/store/subscription")
    await expect(top_up(person)).to_contain_text("nothing is bought unless you switch it on")
    await accessible(person.page)
    await top_up(person).get_by_role("button", name="Set up auto top-up").click()
    assert await top_up(person).locator("[name=pack]:checked").count() == 0
    await top_up(person).get_by_role("radio", name=re.compile("^Starter")).check()
    await top_up(person).get_by_label("Buy when I have fewer tokens than").fill(threshold)
    await top_up(person).get_by_label(re.compile("^Pay at most")).fill(cap)


async def enters(person: Shopper, card: str) -> None:
    agree = top_up(person).get_by_role("button", name="Agree and switch on")
    await agree.click()
    await types_in(top_up(person), card)
    await top_up(person).get_by_role("button", name="Save card and switch on").click()


@pytest.mark.usefixtures("at_will")
async def test_a_pack_is_bought_by_itself_until_it_is_switched_off(browse: Browse) -> None:
    person = await browse(reduced_motion="reduce")
    await person.page.clock.install()
    user = person.shop.buyer.id
    await sets_up(person, threshold="5")
    agreed = top_up(person).locator(".agree")
    await expect(agreed).to_contain_text("Whenever you have fewer than 5 tokens")
    await expect(agreed).to_contain_text(re.compile(r"charged \$4\.00 for 10 tokens"))
    await expect(agreed).to_contain_text("at most $20.00 and 5 times in 30 days")
    await accessible(person.page)
    await enters(person, "is paid")
    await expect(top_up(person)).to_contain_text("Auto top-up is on.")
    await expect(top_up(person).locator(".chip")).to_have_text("On")
    await expect(top_up(person)).to_contain_text("paid with Visa •••• 4242")
    await accessible(person.page)
    assert person.shop.select(STATE, user) == [("on", None, 5, 2000)]
    [(version, shown)] = person.shop.select(AGREED, user)
    assert version == "top-up-1"
    assert "paid with Visa •••• 4242: at most $20.00" in shown
    # There is enough, so nothing is bought; then some is spent.
    assert person.shop.select(BOUGHT, user) == []
    await person.shop.rpc("spend_tokens", person.shop.buyer, amount=2, idempotency_key="below")
    await person.shop.until(lambda: bool(person.shop.select(PAID, user)))
    # The page looks by itself, three times a minute.
    await person.page.clock.fast_forward(20_000)
    await expect(top_up(person)).to_contain_text(
        re.compile(r"Paid in 30 days\s*\$4\.00 of \$20\.00")
    )
    await person.has(13)
    assert person.shop.select(BOUGHT, user) == [(400, "USD", "completed")]
    await top_up(person).get_by_role("button", name="Switch off").click()
    await expect(top_up(person)).to_contain_text("Nothing more is bought automatically.")
    assert person.shop.select(STATE, user)[0][0] == "off"
    await person.page.reload()
    await expect(top_up(person).get_by_role("button", name="Set up auto top-up")).to_be_visible()


@pytest.mark.proof
@pytest.mark.usefixtures("at_will")
async def test_a_declined_card_stops_it_says_so_and_is_mended_by_another(browse: Browse) -> None:
    person = await browse("phone", reduced_motion="reduce")
    user = person.shop.buyer.id
    await sets_up(person)
    await enters(person, "is declined when it is charged")
    # The first two declines are tried again, an hour and six hours later.
    for declines in (1, 2):
        await comes_back(person, f"{DECLINED} and t.failures = {declines}")
        told = re.compile(r"The last purchase didn’t go through, and you weren’t charged")
        await expect(top_up(person)).to_contain_text(told)
        await accessible(person.page)
        person.shop.select(AN_HOUR_LATER, user)
    await comes_back(person, SUSPENDED)
    await expect(top_up(person).locator(".chip")).to_have_text("Stopped")
    await expect(top_up(person)).to_contain_text("Your card was declined")
    await expect(top_up(person)).to_contain_text("You weren’t charged for that purchase")
    await expect(top_up(person)).not_to_contain_text("Auto top-up is on.")
    await accessible(person.page)
    assert person.shop.select(STATE, user)[0][:2] == ("suspended", "declined")
    await top_up(person).get_by_role("button", name="Choose another card").click()
    # The one that was declined is none to choose from.
    await expect(top_up(person).get_by_role("radio", name=re.compile("4242|••••"))).to_have_count(0)
    await enters(person, "is paid")
    await expect(top_up(person).locator(".chip")).to_have_text("On")
    person.shop.select(AN_HOUR_LATER, user)
    await comes_back(person, PAID)
    await expect(top_up(person)).to_contain_text(re.compile(r"Purchases in 30 days\s*1 of 5"))
    await person.has(15)
    paid = [each for each in person.shop.select(BOUGHT, user) if each[2] == "completed"]
    assert paid == [(400, "USD", "completed")]
    await top_up(person).get_by_role("button", name="Switch off").click()
    await expect(top_up(person)).to_contain_text("Auto top-up is off")


async def comes_back(person: Shopper, happened: str) -> None:
    """To the page, once the database says that this has happened."""
    user = person.shop.buyer.id
    await person.shop.until(lambda: bool(person.shop.select(happened, user)))
    await person.page.reload()


@pytest.mark.usefixtures("at_will")
async def test_bounds_that_would_be_none_are_told_before_anything_is_stored(
    browse: Browse,
) -> None:
    person = await browse()
    await sets_up(person, threshold="10")
    agree = top_up(person).get_by_role("button", name="Agree and switch on")
    await agree.click()
    await expect(top_up(person).get_by_role("alert")).to_contain_text("from 1 token to 9 tokens")
    await top_up(person).get_by_label("Buy when I have fewer tokens than").fill("3")
    await top_up(person).get_by_label(re.compile("^Pay at most")).fill("1")
    await agree.click()
    await expect(top_up(person).get_by_role("alert")).to_contain_text("at least $4.00")
    assert person.shop.select(STATE, person.shop.buyer.id) == []


async def test_a_shop_whose_contract_does_not_let_it_says_nothing_of_it(browse: Browse) -> None:
    person = await browse()
    await of_a_shop_that(person, tops_up_nowhere)
    await person.page.goto(f"{person.url}/store/subscription")
    await expect(person.page.locator("coinslot-plans").get_by_role("radio").first).to_be_visible()
    await expect(person.page.locator("#top-up")).to_be_hidden()
