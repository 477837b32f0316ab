"""Prices that operators propose, servers ask for and people answer, at the same moment."""

from __future__ import annotations

from itertools import cycle
from typing import Any
from uuid import UUID

import pytest

from tests.database.people import Answer, Bank, Call, Connection, Refusal, gateway_says
from tests.database.test_parallel_subscriptions import PRICE, _claim, _subscribed, shop

__all__ = ["shop"]

DEARER = 11_900
_DEARER = """
select coinslot.set_plan('plus', 'month', 'Plus', 'Plus', 300, '{"KRW": 11900}', 'main', 'none')
"""
_SOON = """
update token_subscriptions s set anchor = n.at, period_start = n.at,
  period_end = coinslot.period_at(n.at, s.time_zone, s.every, 1)
from (select clock_timestamp() + interval '10 days' - interval '1 month' as at) n where s.id = %s
"""
_OVER = """
with over as (
  update token_subscriptions s set anchor = n.at, period_start = n.at, period_end = e.at,
    next_charge_at = clock_timestamp()
  from (select clock_timestamp() - interval '1 minute' - interval '1 month' as at) n,
    lateral (select coinslot.period_at(n.at, 'UTC', 'month', 1) as at) e
  where s.id = %(id)s returning s.id, s.period_end
)
update coinslot.price_asks a set starts_at = o.period_end from over o where a.subscription_id = o.id
"""
_ASKS = "select a.answer, a.amount, a.ends from coinslot.price_asks a where a.subscription_id = %s"
_SAID = """
select e.event from token_subscription_events e
where e.subscription_id = %s and e.event like 'price%%' order by e.id
"""
_CONSENTS = """
select c.id from coinslot.subscription_consents c where c.subscription_id = %s and c.kind = 'price'
"""
_OPEN = """
select o.id, o.ends from coinslot.price_proposals o
where o.plan_id = 'plus' and o.withdrawn_at is null
"""


def test_two_operators_propose_at_once(shop: Bank) -> None:
    """Nobody is refused, and one proposal stands: that of whoever came last."""
    for _ in range(20):
        answers = shop.together([_proposes(ends=ends) for ends in (True, False, True, False)])
        assert not [each for each in answers if isinstance(each, Refusal)]
        [_] = shop.rows(_OPEN)
    assert not shop.audit()


def test_a_price_is_proposed_while_another_is_withdrawn(shop: Bank) -> None:
    for _ in range(20):
        withdraws = Call("coinslot_withdraw_price", {"plan_id": "plus", "currency": "KRW"})
        shop.together([_proposes(), withdraws, _proposes(), withdraws])
        assert len(shop.rows(_OPEN)) <= 1


def test_many_servers_ask_each_once(shop: Bank) -> None:
    everybody = [_active(shop) for _ in range(40)]
    shop.change(_DEARER)
    shop.ask(_proposes())

    def server(connection: Connection) -> Answer:
        row = connection.execute("select coinslot.ask_for_prices(1000) as asked").fetchone()
        assert row is not None
        return row

    answers = shop.together([server] * 8)
    # A wallet that another server had was passed by.
    shop.change("select coinslot.ask_for_prices(1000)")
    asked = sum(_row(answer)["asked"] for answer in answers)
    assert 0 < asked <= len(everybody)
    for _, subscription in everybody:
        assert [each["amount"] for each in shop.rows(_ASKS, subscription)] == [DEARER]
        assert [each["event"] for each in shop.rows(_SAID, subscription)] == ["price_proposed"]


def test_who_was_asked_stands_in_nobodys_way(shop: Bank) -> None:
    """A look asks so many; the next one asks others."""
    for _ in range(3):
        _active(shop)
    shop.change(_DEARER)
    shop.ask(_proposes())
    looks = [shop.rows("select coinslot.ask_for_prices(1) as asked") for _ in range(3)]
    assert looks == [[{"asked": 1}]] * 3


@pytest.mark.parametrize("words", [(True, True), (True, False), (False, False)])
def test_a_price_is_answered_twice_at_once(shop: Bank, words: tuple[bool, bool]) -> None:
    """The last word counts, and is the one that is kept. The same word twice is one."""
    for _ in range(25):
        user, subscription = _asked(shop)
        answers = shop.together([_says(user, subscription, word) for word in words])
        assert not [each for each in answers if isinstance(each, Refusal)]
        [_, *said] = [each["event"] for each in shop.rows(_SAID, subscription)]
        assert len(said) == len(set(words))
        [ask] = shop.rows(_ASKS, subscription)
        assert said[-1] == f"price_{ask['answer']}"
        assert len(shop.rows(_CONSENTS, subscription)) == said.count("price_agreed")
    assert not shop.audit()


@pytest.mark.parametrize("ends", [True, False])
def test_a_price_is_answered_while_its_period_begins(shop: Bank, ends: bool) -> None:
    """The first has the last word: nobody is charged a price that they have not agreed to."""
    heard = 0
    for number, agrees in zip(range(30), cycle((True, True, False)), strict=False):
        user, subscription = _asked(shop, ends=ends)
        if number % 2:
            shop.ask(_says(user, subscription, not agrees))
        with shop.connect() as connection:
            connection.execute(_OVER, {"id": subscription})

        def server(connection: Connection, subscription: UUID = subscription) -> Answer:
            row = connection.execute(
                "select array(select c.c #>> '{payment,amount}' from unnest("
                "coinslot_claim_charges(array['portone'], 20, %s)) c (c)) as charged",
                [subscription],
            ).fetchone()
            assert row is not None
            return row

        answer, *_ = shop.together([_says(user, subscription, agrees), server, server])
        # Whoever found the wallet in use comes again.
        with shop.connect() as connection:
            server(connection)
        [ask] = shop.rows(_ASKS, subscription)
        without_a_yes = [PRICE] if ends else [PRICE, PRICE]
        expected = [PRICE, DEARER] if ask["answer"] == "agreed" else without_a_yes
        assert _amounts(shop, subscription) == expected
        heard += not isinstance(answer, Refusal)
    assert heard
    assert not shop.audit()


def _amounts(shop: Bank, subscription: UUID) -> list[int]:
    return [
        each["amount"]
        for each in shop.rows(
            "select c.amount from coinslot.subscription_cycles c where c.subscription_id = %s "
            "order by c.number",
            subscription,
        )
    ]


def _proposes(*, ends: bool = True) -> Call:
    return Call("coinslot_propose_price", {"plan_id": "plus", "currency": "KRW", "ends": ends})


def _says(user: UUID, subscription: UUID, agrees: bool) -> Call:
    said = {"subscription_id": subscription, "agrees": agrees, "amount": DEARER}
    return Call("answer_token_price", said, user)


def _active(shop: Bank) -> tuple[UUID, UUID]:
    """A user whose period was paid at the price of before, and ends in ten days."""
    shop.change(_DEARER.replace("11900", "9900"))
    user, subscription = _subscribed(shop)
    charge = _claim(shop, subscription)
    shop.ask(gateway_says(charge["order_id"], charge["version"], amount=PRICE, paid=PRICE))
    shop.change(_SOON, subscription)
    return user, subscription


def _asked(shop: Bank, *, ends: bool = True) -> tuple[UUID, UUID]:
    user, subscription = _active(shop)
    shop.change(_DEARER)
    shop.ask(_proposes(ends=ends))
    shop.change("select coinslot.ask_for_prices(1000)")
    return user, subscription


def _row(answer: Answer) -> dict[str, Any]:
    assert not isinstance(answer, Refusal), answer
    return answer
