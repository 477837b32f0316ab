"""The page of plans, and what a person does there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.async_api import expect

from tests.browser.test_page import accessible
from tests.support.subscribers import OVER, TRIED

if TYPE_CHECKING:
    from playwright.async_api import Locator

    from tests.browser.shopper import Shopper

A_DAY = r"\w+ \d+(?:, \d{4})?"
"""As pages write one in English: with its year, if that is not this one."""

STATE = """
select plan_id, gateway, status, cancel_at_end, next_plan_id from token_subscriptions
where user_id = %s order by created_at
"""
ENDED = "select status, end_reason from token_subscriptions where user_id = %s"
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
LEFT = """
update public.token_subscriptions s set anchor = n.at, period_start = n.at, period_end = n.ends,
  next_charge_at = n.ends
from (select e.ends - interval '1 month' as at, coinslot.period_at(
  e.ends - interval '1 month', 'UTC', 'month', 1
) as ends from (select clock_timestamp() + %(days)s * interval '1 day' as ends) e) n
where s.user_id = %(user)s
"""
# Nobody waits ten minutes: the card was tried long ago.
LONG_AGO = """
update coinslot.cycle_charges h set created_at = h.created_at - interval '1 hour'
from token_payments p where p.id = h.payment_id and p.user_id = %s returning h.id
"""
# The period has ended a minute ago, and so has the time to agree to a price.
ASKED_UNTIL_NOW = """
update coinslot.price_asks a set starts_at = s.period_end
from public.token_subscriptions s where s.id = a.subscription_id and s.id = %(id)s
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


async def subscribes_at(person: Shopper, gateway: str) -> None:
    """In won, through that gateway alone."""
    await chosen(person, "플러스")
    await plans(person).evaluate("(plans, name) => (plans.gateway = name)", gateway)
    await plans(person).locator("#pay").click()
    await person.clicks("이 카드 등록하기")
    await person.told("플러스 구독을 시작했어요")
    await person.has(305)


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


async def changes(person: Shopper, plan: str) -> Locator:
    await own(person).get_by_role("button", name="Change plan").click()
    dialog = own(person).get_by_role("dialog", name="Change your plan")
    await dialog.get_by_role("radio", name=re.compile(f"^{plan} ")).check()
    await expect(dialog.locator("[name=yes]")).to_be_visible()
    return dialog


async def is_left(person: Shopper, days: int) -> None:
    """Of the period that was paid, before it is charged again."""
    with person.shop.stack.connect() as connection:
        connection.execute(LEFT, {"days": days, "user": person.shop.buyer.id})
    await person.page.reload()


async def time_passes(person: Shopper) -> None:
    """Until the period, or the trial, is over; and somebody's server has looked at it."""
    [(subscription, status)] = person.shop.select(
        "select id, status from token_subscriptions where user_id = %s", person.shop.buyer.id
    )
    with person.shop.stack.connect() as connection:
        over = TRIED if status == "trialing" else OVER
        connection.execute(over, {"id": subscription})
        connection.execute(ASKED_UNTIL_NOW, {"id": subscription})
    path = f"{person.shop.sidecar}/billing/subscriptions/{subscription}/charge"
    answer = await person.shop.http.post(path, json={}, headers=person.shop.jwt)
    assert answer.status_code == 200, answer.text
    due = (
        "select s.id from token_subscriptions s where s.id = %s and (s.next_charge_at <= now() "
        "or exists (select from coinslot.cycle_charges h join coinslot.subscription_cycles c "
        "on c.id = h.cycle_id where c.subscription_id = s.id and h.state = 'open'))"
    )
    await person.shop.until(lambda: not person.shop.select(due, subscription))
    await person.page.reload()
