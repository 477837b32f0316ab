"""Subscriptions that many servers charge, and that people change, at the same moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.database.people import (
    Answer,
    Bank,
    Call,
    Connection,
    Refusal,
    delete_user,
    gateway_says,
    merge,
)
from tests.database.waiting import done_or_blocked

PRICE, TOKENS = 9900, 300
SERVERS, SUBSCRIBERS = 12, 120

_SHOP = """
select coinslot.set_plan(
  'plus', 'month', 'Plus', 'Plus', 300, '{"KRW": 9900}', 'main', 'none'
), coinslot.set_unattended('portone', 'at_will')
"""
_METHOD = """
insert into coinslot.billing_keys (user_id, gateway, live, status, sealed, key_hash)
values (%s, 'portone', false, 'active', 'sealed', %s) returning id
"""
_CLAIM = """
select c.c #>> '{payment,order_id}' as order_id, (c.c #>> '{payment,version}')::bigint as version,
  c.c ->> 'id' as id
from unnest(public.coinslot_claim_charges(array['portone'], 20)) c (c)
"""
_CLAIM_TOP_UPS = _CLAIM.replace("claim_charges", "claim_top_ups")
_CLAIM_ONE = _CLAIM.replace("20)", "20, %s)")
_ORDERS = """
select p.order_id, p.version, o.cycle_id, p.status, p.paid, s.status as subscription
from token_subscriptions s
join coinslot.subscription_cycles c on c.subscription_id = s.id
join coinslot.cycle_orders o on o.cycle_id = c.id
join token_payments p on p.id = o.payment_id
where s.id = %s order by p.created_at
"""


_GAPS = """
select w.user_id from token_wallets w join coinslot.outbox o on o.user_id = w.user_id
group by w.user_id having count(*) <> w.events or max(o.seq) <> w.events
"""
_ENDS = """
update token_subscriptions set cancel_at_end = true, next_charge_at = clock_timestamp(),
  period_end = period_start + interval '1 microsecond' where id = %s
"""


@pytest.fixture(scope="module")
def shop(bank: Bank) -> Bank:
    bank.change(_SHOP)
    return bank


def test_many_servers_charge_each_subscription_once(shop: Bank) -> None:
    for _ in range(SUBSCRIBERS):
        _subscribed(shop)

    def server(connection: Connection) -> Answer:
        found: list[str] = []
        while claimed := connection.execute(_CLAIM).fetchall():
            for each in claimed:
                found.append(each["order_id"])
                paid = gateway_says(each["order_id"], each["version"], amount=PRICE, paid=PRICE)
                assert not isinstance(paid(connection), Refusal)
        return {"orders": found}

    answers = shop.together([server] * SERVERS)
    charged = Counter(order for answer in answers for order in _row(answer)["orders"])
    assert len(charged) == SUBSCRIBERS
    assert set(charged.values()) == {1}
    [row] = shop.rows("select sum(tokens) as tokens from token_wallets")
    assert row["tokens"] == SUBSCRIBERS * TOKENS
    assert not shop.audit()


def test_many_servers_buy_one_pack_for_each(shop: Bank) -> None:
    """An hour goes by until the next one, whatever is left."""
    people = [_topping_up(shop) for _ in range(60)]

    def server(connection: Connection) -> Answer:
        found: list[str] = []
        while claimed := connection.execute(_CLAIM_TOP_UPS).fetchall():
            for each in claimed:
                found.append(each["order_id"])
                paid = gateway_says(each["order_id"], each["version"], paid=5000)
                assert not isinstance(paid(connection), Refusal)
        return {"orders": found}

    answers = shop.together([server] * SERVERS)
    bought = Counter(order for answer in answers for order in _row(answer)["orders"])
    assert (len(bought), set(bought.values())) == (len(people), {1})
    assert {shop.wallet(person)[0] for person in people} == {10}
    assert not shop.audit()


def test_two_browsers_subscribe_at_once(shop: Bank) -> None:
    for _ in range(20):
        user = shop.user()
        method = _method(shop, user)
        answers = shop.together([_subscribe(user, method)] * 4)
        assert len({_row(answer)["id"] for answer in answers}) == 1
    assert not shop.audit()


def test_two_late_payments_of_one_period_are_one(shop: Bank) -> None:
    """Of orders that were both given up: one is credited, the other is to go back."""
    for _ in range(25):
        _, subscription = _subscribed(shop)
        first = _claim(shop, subscription)
        shop.change(
            "select public.coinslot_finish_charge(%s::uuid, 0, 'soft', 'why', true)", first["id"]
        )
        shop.change(
            "update token_subscriptions set next_charge_at = clock_timestamp() where id = %s",
            subscription,
        )
        second = _claim(shop, subscription)
        shop.together(
            [
                gateway_says(each["order_id"], each["version"], amount=PRICE, paid=PRICE)
                for each in (first, second)
            ]
        )
        found = shop.rows(_ORDERS, subscription)
        assert sorted(each["status"] for each in found) == ["completed", "review"]
        wrong = shop.rows(
            "select kind from coinslot.discrepancies where order_id = any (%s)",
            [each["order_id"] for each in found],
        )
        assert [each["kind"] for each in wrong] == ["duplicate_payment"]
    assert not shop.audit()


@pytest.mark.parametrize("what", ["cancel", "delete", "merge", "pay"])
def test_what_happens_while_a_charge_is_paid(shop: Bank, what: str) -> None:
    """Nobody waits for ever, nothing is credited twice, and what is paid is credited or listed."""
    for _ in range(15):
        user, subscription = _subscribed(shop)
        charge = _claim(shop, subscription)
        paid = gateway_says(charge["order_id"], charge["version"], amount=PRICE, paid=PRICE)
        others: dict[str, Callable[[Connection], Answer]] = {
            "cancel": Call("cancel_token_subscription", {"subscription_id": subscription}, user),
            "delete": delete_user(user),
            "merge": merge(user, shop.user(), str(uuid4())),
            "pay": paid,
        }
        shop.together([paid, others[what]])
        # What was overtaken is read again, as the sidecar does.
        [order] = shop.rows(_ORDERS, subscription)
        if order["paid"] == 0 and order["status"] != "review":
            shop.ask(gateway_says(order["order_id"], order["version"], amount=PRICE, paid=PRICE))
            [order] = shop.rows(_ORDERS, subscription)
        assert (order["status"], order["subscription"]) in {
            ("completed", "active"),
            ("completed", "ended"),
            ("review", "ended"),
        }
    assert not shop.audit()
    assert not shop.rows(_GAPS)


def test_a_wallet_that_is_in_use_keeps_no_server_waiting(shop: Bank) -> None:
    """Else it would wait for who waits for it: events are numbered under the wallet's lock."""
    user, subscription = _subscribed(shop)
    charge = _claim(shop, subscription)
    shop.ask(gateway_says(charge["order_id"], charge["version"], amount=PRICE, paid=PRICE))
    shop.change(_ENDS, subscription)
    with shop.connect() as person, shop.connect() as server:
        server.execute("set lock_timeout = '5s'")
        with person.transaction():
            person.execute("select from token_wallets where user_id = %s for update", [user])
            assert server.execute(_CLAIM_ONE, [subscription]).fetchall() == []
            assert _told(shop, user) == ["subscription.started"]
        server.execute(_CLAIM_ONE, [subscription])
    assert _told(shop, user) == ["subscription.started", "subscription.ended"]


@pytest.mark.parametrize("what", ["charge", "top_up"])
def test_a_decline_has_nothing_locked_that_others_want_while_it_waits(
    shop: Bank, what: str
) -> None:
    if what == "charge":
        user, subscription = _subscribed(shop)
        charge = _claim(shop, subscription)
        wanted, lock = subscription, "select from token_subscriptions where id = %s"
    else:
        user = _topping_up(shop)
        with shop.connect() as connection:
            [charge] = connection.execute(_CLAIM_TOP_UPS).fetchall()
        wanted, lock = user, "select from coinslot.top_ups where user_id = %s"
    finish = f"select public.coinslot_finish_{what}(%s::uuid, 0, 'soft', 'why') as heard"
    with shop.connect() as person, shop.connect() as server, ThreadPoolExecutor(1) as thread:
        with person.transaction():
            person.execute("select from token_wallets where user_id = %s for update", [user])
            heard = thread.submit(server.execute, finish, [charge["id"]])
            assert not done_or_blocked(heard, server, person)
            person.execute(f"{lock} for update nowait", [wanted])
        assert _row(heard.result(60).fetchone() or {})["heard"]
    assert _told(shop, user) == [
        "subscription.payment_failed" if what == "charge" else "top_up.failed"
    ]


def _method(shop: Bank, user: UUID) -> UUID:
    with shop.connect() as connection:
        row = connection.execute(_METHOD, [user, str(uuid4())]).fetchone()
    assert row is not None
    found: UUID = row["id"]
    return found


def _subscribe(user: UUID, method: UUID) -> Call:
    arguments: dict[str, Any] = {
        "plan_id": "plus",
        "gateway": "portone",
        "currency": "KRW",
        "method_id": method,
    }
    return Call("subscribe_token_plan", arguments, user)


def _subscribed(shop: Bank) -> tuple[UUID, UUID]:
    """A user whose subscription is due."""
    user = shop.user()
    row = shop.ask(_subscribe(user, _method(shop, user)))
    return user, UUID(str(row["id"]))


def _claim(shop: Bank, subscription: UUID) -> dict[str, Any]:
    with shop.connect() as connection:
        [found] = connection.execute(_CLAIM_ONE, [subscription]).fetchall()
    return found


def _topping_up(shop: Bank) -> UUID:
    """A user for whom a pack is to be bought."""
    user = shop.user()
    wish = {
        "product_id": "starter",
        "gateway": "portone",
        "currency": "KRW",
        "method_id": _method(shop, user),
        "threshold": 5,
        "monthly_cap": 50_000,
    }
    shop.ask(Call("set_token_top_up", wish, user))
    return user


def _told(shop: Bank, user: UUID) -> list[str]:
    found = shop.rows(
        "select type from coinslot.outbox where user_id = %s and type !~ '^payment' order by seq",
        user,
    )
    return [each["type"] for each in found]


def _row(answer: Answer) -> dict[str, Any]:
    assert not isinstance(answer, Refusal), answer
    return answer
