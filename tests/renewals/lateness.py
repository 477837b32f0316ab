"""Two approvals in one cycle: a charge gets no answer, then a decline, and another one is made by
another order, mostly by another card. Then the bank of the first approves it after all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, LiteralString

from tests.support.gateways import PORTONE_V1, TOSS
from tests.support.subscribers import UNANSWERED

if TYPE_CHECKING:
    from tests.renewals.subscriber import Subscriber

# Where a declined order is given up, so that the next charge is of another one.
GATEWAYS = (TOSS, PORTONE_V1)
_TRIES = 8
_GIVEN_UP: LiteralString = """
select p.order_id from coinslot.subscription_cycles c
join coinslot.cycle_orders o on o.cycle_id = c.id and o.dead
join public.token_payments p on p.id = o.payment_id
where c.subscription_id = %s order by p.created_at desc limit 1
"""


async def play(subscriber: Subscriber, subscription: str) -> None:
    """Before the second charge, beside it, or after it, as it most often is."""
    order = await _given_up(subscriber, subscription)
    if order is None:
        subscriber.journal.count("late", "never given up")
        return
    when = subscriber.chance.choice(("before", "beside", "after", "after"))
    if when == "before":
        await _approve(subscriber, order, when)
    if when == "beside":
        await asyncio.gather(subscriber.mend(), _approve(subscriber, order, when))
    else:
        await subscriber.mend()
    if when == "after":
        await _approve(subscriber, order, when)


async def _given_up(subscriber: Subscriber, subscription: str) -> str | None:
    """The order of the charge that got no answer, once its gateway has declined it."""
    for _ in range(_TRIES):
        await subscriber.charge(subscription)
        shown = await subscriber.shown()
        if shown is None or shown["status"] != "active":
            break
        await subscriber.changed(UNANSWERED, subscription)
    found = await subscriber.rows(_GIVEN_UP, subscription)
    return found[0]["order_id"] if found else None


async def _approve(subscriber: Subscriber, order: str, when: str) -> None:
    if subscriber.driver is None:
        return
    for driver in GATEWAYS:
        if await subscriber.client.play(driver.name, "late", order_id=order) is not None:
            subscriber.journal.count("late", f"approved {when} the second charge")
            return
    subscriber.journal.count("late", "never asked for")
