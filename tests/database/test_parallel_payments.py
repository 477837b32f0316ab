"""Browser, webhook, reconciler and the user's own clicks meet at one order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

from tests.database.people import (
    Answer,
    Bank,
    Call,
    Connection,
    Refusal,
    cancel_order,
    create_order,
    delete_user,
    gateway_says,
    receipts,
    refusals,
    spend,
)

SEED = 20261121

_WAITS_OF = """
select p.order_id, extract(epoch from r.next_read_at - clock_timestamp()) as seconds
from coinslot.payment_reads r inner join token_payments p on p.id = r.payment_id
where p.order_id = any (%s)
"""


def test_fifty_reads_of_one_payment_credit_it_once(bank: Bank) -> None:
    user = bank.user()
    order_id = bank.order(user)
    answers = receipts(bank.together([gateway_says(order_id, 1, paid=5000)] * 50))
    assert Counter(answer["outcome"] for answer in answers) == {"credited": 1, "unchanged": 49}
    assert bank.history(user) == [("purchase", 10)]
    assert bank.wallet(user) == (10, 0)
    assert not bank.audit()


def test_two_payments_of_one_order_credit_one_and_show_the_other(bank: Bank) -> None:
    for _ in range(5):
        user = bank.user()
        order_id = bank.order(user)
        reads = [_reader(order_id, f"{name} {order_id}") for name in ("a", "b")]
        answers = receipts(bank.together(reads * 5))
        outcomes = Counter(answer["outcome"] for answer in answers)
        assert outcomes == {"credited": 1, "duplicate": 1, "unchanged": 8}
        assert bank.wallet(user) == (10, 0)
        [found] = bank.rows("select kind from coinslot.discrepancies where order_id = %s", order_id)
        assert found["kind"] == "duplicate_payment"
    assert not bank.audit()


def test_the_newest_read_wins_whatever_order_they_are_applied_in(bank: Bank) -> None:
    """One gateway that changes its mind, 8 readers that are slow: the books end where it does."""
    user = bank.user()
    order_id = bank.order(user)
    gateway = _Gateway()
    receipts(bank.together([_slow_reader(order_id, gateway, number) for number in range(8)]))
    final = gateway.refunded
    bank.ask(gateway_says(order_id, _version(bank, order_id), paid=5000, refunded=final))
    [payment] = bank.rows("select refunded from token_payments where order_id = %s", order_id)
    assert payment["refunded"] == final
    assert bank.wallet(user) == (10 - 10 * final // 5000, 0)
    assert not bank.audit()


def test_fifty_orders_with_one_key_are_one_order(bank: Bank) -> None:
    user = bank.user()
    answers = receipts(bank.together([create_order(user, "same")] * 50))
    assert len({answer["order_id"] for answer in answers}) == 1
    [events] = bank.rows("select count(*) from token_payment_events where user_id = %s", user)
    assert events["count"] == 1


def test_the_cap_on_open_orders_cannot_be_passed_by_asking_at_once(bank: Bank) -> None:
    user = bank.user()
    answers = bank.together([create_order(user, None)] * 30)
    assert refusals(answers) == {Refusal("PT429", "too_many_orders"): 10}


def test_canceling_while_paying_ends_paid(bank: Bank) -> None:
    for _ in range(10):
        user = bank.user()
        order_id = bank.order(user)
        bank.together([gateway_says(order_id, 1, paid=5000), cancel_order(user, order_id)] * 3)
        [payment] = bank.rows("select status from token_payments where order_id = %s", order_id)
        assert payment["status"] == "completed"
        assert bank.wallet(user) == (10, 0)
    assert not bank.audit()


def test_paying_spending_and_deleting_the_user_lose_nothing(bank: Bank) -> None:
    """Whichever comes first: the money is credited, or it is a discrepancy for a person."""
    for number in range(10):
        user = bank.user(5)
        order_id = bank.order(user)
        calls: list[Callable[[Connection], Answer]] = [
            gateway_says(order_id, 1, paid=5000),
            delete_user(user),
            spend(user, 1, "a"),
            spend(user, 2, "b"),
        ]
        Random(SEED + number).shuffle(calls)  # noqa: S311 - repeatable, not secret
        refused = refusals(bank.together(calls))
        assert set(refused) <= {Refusal("PT404", "wallet_not_found")}
        purchases = bank.history(user).count(("purchase", 10))
        reviews = bank.rows(
            "select 1 from coinslot.discrepancies where order_id = %s and kind = 'wallet_closed'",
            order_id,
        )
        assert purchases + len(reviews) == 1
        [wallet] = bank.rows("select closed_at from token_wallets where user_id = %s", user)
        assert wallet["closed_at"] is not None
    assert not bank.audit()


def test_whoever_gives_orders_back_waits_for_none_of_them(bank: Bank) -> None:
    """A caller who has some locked and waits for others is waited for by one with the other order:
    the expiry, or the deletion of their buyer."""
    user = bank.user()
    busy, free = bank.order(user), bank.order(user)
    bank.change("update coinslot.payment_reads set next_read_at = now() + interval '1 hour'")
    give_back = Call("coinslot_return_payments", {"order_ids": [free, busy]})
    with bank.connect() as other, bank.connect() as connection:
        other.execute("begin")
        other.execute(f"{_WAITS_OF} for update of r", [[busy]])
        connection.execute("set lock_timeout = '1s'")
        give_back.all(connection)
    rows = bank.rows(_WAITS_OF, [free, busy])
    assert {row["order_id"]: row["seconds"] > 30 for row in rows} == {free: False, busy: True}


def _version(bank: Bank, order_id: str) -> int:
    [row] = bank.rows("select version from token_payments where order_id = %s", order_id)
    return int(row["version"])


def _reader(order_id: str, key: str) -> Callable[[Connection], Answer]:
    """Opens the order, reads the gateway and applies it, until the read is not stale."""

    def read(connection: Connection) -> Answer:
        while True:
            row = connection.execute(
                "select version from token_payments where order_id = %s", [order_id]
            ).fetchone()
            assert row is not None
            answer = gateway_says(order_id, row["version"], key=key, paid=5000)(connection)
            if isinstance(answer, Refusal) or answer["outcome"] != "stale":
                return answer

    return read


class _Gateway:
    """Refunds a little more, or takes it back, each time somebody looks."""

    def __init__(self) -> None:
        self.refunded = 0
        self._random = Random(SEED)  # noqa: S311 - repeatable, not secret

    def read(self) -> int:
        self.refunded = 500 * self._random.randint(0, 10)
        return self.refunded


def _slow_reader(order_id: str, gateway: _Gateway, number: int) -> Callable[[Connection], Answer]:
    def read(connection: Connection) -> Answer:
        for _ in range(20):
            row = connection.execute(
                "select version from token_payments where order_id = %s", [order_id]
            ).fetchone()
            assert row is not None
            refunded = gateway.read()
            answer = gateway_says(order_id, row["version"], paid=5000, refunded=refunded)(
                connection
            )
            assert not isinstance(answer, Refusal)
        return {}

    return read
