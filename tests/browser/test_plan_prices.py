"""A higher price of a plan, as its subscriber sees it: told, answered, and what is charged then."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.plan_pages import (
    A_DAY,
    CONSENTS,
    ENDED,
    PAID,
    is_left,
    own,
    subscribes,
    time_passes,
)
from tests.browser.test_page import accessible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.conftest import Browse
    from tests.browser.shopper import Shopper
    from tests.support.stacks import LocalStack

PRICED = """
select public.coinslot_set_plan('grower', 'month', 'Grower', '새싹', 300,
  %s::jsonb, family => 'grown')
"""
CHEAP, DEAR = '{"USD": 790, "KRW": 9900}', '{"USD": 990, "KRW": 11900}'


@pytest.fixture
def sold(stack: LocalStack) -> Iterator[None]:
    """A plan of its own, that nobody else has."""
    with stack.connect() as connection:
        connection.execute(PRICED, [CHEAP])
    yield
    with stack.connect() as connection:
        connection.execute("select public.coinslot_withdraw_price('grower', 'USD')")
        connection.execute("select public.coinslot_remove_plan('grower')")


async def asked(browse: Browse, *, ends: bool) -> Shopper:
    """Somebody who has paid $7.90, and is asked for $9.90."""
    person = await browse(reduced_motion="reduce")
    await subscribes(person, "is paid", "Grower")
    await person.told("You’re subscribed to Grower")
    with person.shop.stack.connect() as connection:
        connection.execute(PRICED, [DEAR])
        connection.execute(
            "select public.coinslot_propose_price('grower', 'USD', ends => %s)", [ends]
        )
    await is_left(person, days=10)
    with person.shop.stack.connect() as connection:
        connection.execute("select coinslot.ask_for_prices(1000)")
    await person.page.reload()
    told = rf"From {A_DAY} this plan costs \$9\.90 a month instead of \$7\.90, if you agree\."
    await expect(own(person).locator(".banner")).to_contain_text(re.compile(told))
    await accessible(person.page)
    return person


@pytest.mark.usefixtures("sold")
async def test_a_price_that_was_agreed_to_is_charged_from_the_next_period_on(
    browse: Browse,
) -> None:
    person = await asked(browse, ends=True)
    await expect(own(person)).to_contain_text(re.compile(r"Next payment\s*None"))
    await own(person).get_by_role("button", name="Agree to $9.90").click()
    dialog = own(person).get_by_role("dialog", name="Agree to the new price?")
    for told in ("You pay $7.90 a month now", "$9.90 every month until you cancel", "•••• 4242"):
        await expect(dialog).to_contain_text(told)
    await accessible(person.page)
    await dialog.get_by_role("button", name="I agree").click()
    await expect(own(person)).to_contain_text("You’ve agreed to $9.90 a month")
    await expect(own(person)).to_contain_text(re.compile(r"Next payment\s*\w+ \d+.*\$9\.90"))
    user = person.shop.buyer.id
    assert person.shop.select(PAID, user) == [(790, "USD", "completed")]
    [_, (kind, amount, shown, version)] = person.shop.select(CONSENTS, user)
    assert (kind, amount, version) == ("price", 990, "price-2")
    assert "You pay $7.90 a month now" in shown
    await time_passes(person)
    await expect(own(person).locator(".chip")).to_have_text("Active")
    await expect(own(person).locator(".banner")).to_have_count(0)
    paid = person.shop.select(PAID, user)
    assert paid == [(790, "USD", "completed"), (990, "USD", "completed")]


@pytest.mark.usefixtures("sold")
@pytest.mark.parametrize("says", ["no", "nothing"])
async def test_a_plan_ends_without_a_yes_and_charges_nothing_more(
    browse: Browse, says: str
) -> None:
    person = await asked(browse, ends=True)
    await expect(own(person).locator(".banner")).to_contain_text("it ends that day")
    if says == "no":
        await own(person).get_by_role("button", name="Don’t agree").click()
        await expect(own(person).locator(".banner")).to_contain_text("your plan ends on")
        await expect(own(person).get_by_role("button", name="Agree to $9.90")).to_be_visible()
    await time_passes(person)
    await expect(own(person).locator(".chip")).to_have_text("Ended")
    user = person.shop.buyer.id
    assert person.shop.select(ENDED, user) == [("ended", "price_not_agreed")]
    assert person.shop.select(PAID, user) == [(790, "USD", "completed")]


@pytest.mark.usefixtures("sold")
async def test_whose_price_may_stay_goes_on_at_it_without_a_yes(browse: Browse) -> None:
    person = await asked(browse, ends=False)
    await expect(own(person).locator(".banner")).to_contain_text("your price stays as it is")
    await own(person).get_by_role("button", name="Don’t agree").click()
    await expect(own(person).locator(".banner")).to_contain_text("Your price stays $7.90")
    await expect(own(person)).to_contain_text(re.compile(r"Next payment\s*\w+ \d+.*\$7\.90"))
    await time_passes(person)
    await expect(own(person).locator(".chip")).to_have_text("Active")
    assert person.shop.select(PAID, person.shop.buyer.id) == [(790, "USD", "completed")] * 2
