"""The bonus is given once per identity, also to accounts that are made at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

from tests.database.people import Answer, Bank, Connection


def test_one_address_spelled_eight_ways_at_once_gets_one_bonus(bank: Bank) -> None:
    for turn in range(5):
        users = [uuid4() for _ in range(8)]
        bank.together([_sign_up(user, _spelling(turn, n)) for n, user in enumerate(users)])
        assert sorted(bank.wallet(user) for user in users) == [*[(0, 0)] * 7, (5, 0)]
    assert not bank.audit()


def test_confirming_one_account_many_times_at_once_gives_one_bonus(bank: Bank) -> None:
    user = bank.user()
    bank.together([_confirm(user)] * 20)
    assert bank.history(user) == [("signup_bonus", 5)]
    assert not bank.audit()


def _spelling(turn: int, number: int) -> str:
    """Letters in all the cases that three bits give."""
    letters = "".join(c.upper() if number >> i & 1 else c for i, c in enumerate("abc"))
    return f"{letters}{turn}@example.com"


def _sign_up(user_id: UUID, email: str) -> Callable[[Connection], Answer]:
    def call(connection: Connection) -> Answer:
        connection.execute(
            "insert into auth.users (id, email, email_confirmed_at) values (%s, %s, now())",
            [user_id, email],
        )
        return {}

    return call


def _confirm(user_id: UUID) -> Callable[[Connection], Answer]:
    def call(connection: Connection) -> Answer:
        connection.execute(
            "update auth.users set email_confirmed_at = now() where id = %s", [user_id]
        )
        return {}

    return call
