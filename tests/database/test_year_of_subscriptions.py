"""A year of subscribers whose gateway declines, is silent, pays twice and pays late."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

from tests.database.people import Bank, gateway_says
from tests.database.test_parallel_subscriptions import (
    PRICE,
    TOKENS,
    _claim,
    _subscribed,
    shop,
)
from tests.support.subscribers import DUE, OVER, UNANSWERED

__all__ = ["shop"]

SUBSCRIBERS, MONTHS, TRIES = 12, 12, 4

_BOOKS = """
select c.status, count(*) filter (where p.confirmed_at is not null) as credited,
  count(*) filter (where p.status = 'review') as waiting
from token_subscriptions s
join coinslot.subscription_cycles c on c.subscription_id = s.id
left join coinslot.cycle_orders o on o.cycle_id = c.id
left join token_payments p on p.id = o.payment_id
where s.id = %s group by c.id, c.status
"""


def test_each_paid_period_is_given_once_and_no_other(shop: Bank) -> None:
    chance = random.Random(20270131)  # noqa: S311 - repeatable, not secret
    everybody = [_subscribed(shop) for _ in range(SUBSCRIBERS)]
    twice = 0
    for month in range(MONTHS):
        for _, subscription in everybody:
            if month:
                _change(shop, OVER, subscription)
            twice += _month(shop, subscription, chance)
    for user, subscription in everybody:
        cycles = shop.rows(_BOOKS, subscription)
        paid = sum(each["status"] == "paid" for each in cycles)
        assert {(each["status"] == "paid", each["credited"]) for each in cycles} <= {
            (True, 1),
            (False, 0),
        }
        assert shop.wallet(user)[0] == paid * TOKENS
        assert paid >= MONTHS - 2
    [listed] = shop.rows(
        "select count(*) as number from coinslot.discrepancies where kind = 'duplicate_payment'"
    )
    assert listed["number"] == twice > 0
    assert not shop.audit()


def _month(shop: Bank, subscription: UUID, chance: random.Random) -> int:
    """Until it is paid. Returns how many orders were paid though another one was credited."""
    given_up: list[dict[str, Any]] = []
    for attempt in range(TRIES):
        charge = _claim(shop, subscription)
        if chance.random() < 0.2:  # nobody answers, and whoever made it is gone
            _change(shop, UNANSWERED, subscription)
            charge = _claim(shop, subscription)
        if attempt < TRIES - 1 and chance.random() < 0.3:
            dead = chance.random() < 0.5
            shop.change(
                "select coinslot.finish_charge(h.id, h.looks, 'soft', 'why', %s) "
                "from coinslot.cycle_charges h where h.id = %s",
                dead,
                charge["id"],
            )
            given_up += [charge] if dead else []
            _change(shop, DUE, subscription)
            continue
        _pay(shop, charge["order_id"])
        _pay(shop, charge["order_id"])
        break
    late = [each for each in given_up if chance.random() < 0.5]
    for each in late:
        _pay(shop, each["order_id"])
    return len(late)


def _pay(shop: Bank, order_id: str) -> None:
    """Read by two servers, one after the other."""
    [order] = shop.rows("select version from token_payments where order_id = %s", order_id)
    shop.ask(gateway_says(order_id, order["version"], amount=PRICE, paid=PRICE))


def _change(shop: Bank, statement: str, subscription: UUID) -> None:
    with shop.connect() as connection:
        connection.execute(statement, {"id": subscription})
