"""A year of subscribers whose gateway declines, is silent, pays twice and pays late."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

from tests.database.people import Bank, capture, gateway_says, hold, release, spend_for
from tests.database.test_parallel_subscriptions import (
    PRICE,
    TOKENS,
    _claim,
    _subscribed,
    shop,
)
from tests.support.sizes import sized
from tests.support.subscribers import DUE, OVER, UNANSWERED

__all__ = ["shop"]

MONTHS, TRIES = 12, 4
SUBSCRIBERS = sized(5, proofs=12)
CARRIERS = sized(5, proofs=20)

_BOOKS = """
select c.status, count(*) filter (where p.confirmed_at is not null) as credited,
  count(*) filter (where p.status = 'review') as waiting
from token_subscriptions s
join coinslot.subscription_cycles c on c.subscription_id = s.id
left join coinslot.cycle_orders o on o.cycle_id = c.id
left join token_payments p on p.id = o.payment_id
where s.id = %s group by c.id, c.status
"""

# All that ends later than in a day moves with the period.
_TURN = """
update token_lots l set expires_at = l.expires_at - (s.period_end - clock_timestamp())
from token_subscriptions s
where s.id = %(id)s and l.user_id = s.user_id and l.remaining > 0
  and l.expires_at between clock_timestamp() + interval '1 day' and '9999-01-01'
"""
# An hour goes by for what is over the limit.
_HOUR = """
update token_lots l set expires_at = clock_timestamp() from token_subscriptions s
where s.id = %(id)s and l.user_id = s.user_id and l.remaining > 0
  and l.expires_at <= clock_timestamp() + interval '1 hour'
"""
_DUE_FOR_A_FOLD = """
update token_wallets w set next_change_at = '-infinity' from token_subscriptions s
where s.id = %(id)s and w.user_id = s.user_id
"""
_LIMITED = """
with terms as (
  update token_subscriptions s set rollover = 'cap', rollover_cap = %s where s.id = %s
  returning s.id, s.rollover, s.rollover_cap
)
update coinslot.subscription_cycles c set rollover = t.rollover, rollover_cap = t.rollover_cap
from terms t where c.subscription_id = t.id
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


def test_what_is_left_goes_over_up_to_the_limit_and_no_token_more_or_less(shop: Bank) -> None:
    """Beside a model of one number: spends, holds over the end, late money, for a year."""
    chance = random.Random(20270228)  # noqa: S311 - repeatable, not secret
    carried = held = 0
    for number in range(CARRIERS):
        user, subscription = _subscribed(shop)
        limit = (1, 40, 150, TOKENS, 2 * TOKENS)[number % 5]
        shop.change(_LIMITED, limit, subscription)
        _month(shop, subscription, chance)
        left = TOKENS
        for month in range(MONTHS):
            used = chance.randrange(left + 1) if chance.random() < 0.8 else 0
            if used:
                shop.ask(spend_for(user, used, f"used in {month}"))
            left -= used
            kept = chance.randrange(1, left + 1) if left and chance.random() < 0.5 else 0
            open_hold = shop.ask(hold(user, kept, f"held over {month}")) if kept else None
            for statement in (_TURN, OVER, _DUE_FOR_A_FOLD):
                _change(shop, statement, subscription)
            _month(shop, subscription, chance)
            over = min(left, limit)
            for statement in (_HOUR, _DUE_FOR_A_FOLD):
                _change(shop, statement, subscription)
            if open_hold is None:
                left = over + TOKENS
            elif chance.random() < 0.5:
                shop.ask(capture(open_hold["id"], kept))
                left = over + min(left - over, kept) + TOKENS - kept
            else:
                shop.ask(release(open_hold["id"]))
                left = over + TOKENS
            assert _available(shop, user) == left, (number, month)
            carried += over
            held += bool(kept)
    assert carried > CARRIERS * 100
    assert held > CARRIERS * 2
    assert not shop.audit()


def _available(shop: Bank, user: UUID) -> int:
    """Once what has ended is written: a read writes nothing."""
    shop.change("select coinslot.fold(%s, clock_timestamp())", user)
    tokens, held = shop.wallet(user)
    return tokens - held


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
