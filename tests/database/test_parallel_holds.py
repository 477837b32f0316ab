"""Holds are made, captured, released, expired and swept while their wallet is spent from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from uuid import UUID

import pytest

from tests.database.people import (
    EXPIRE_HOLD,
    Answer,
    Bank,
    Call,
    Connection,
    Refusal,
    capture,
    extend,
    hold,
    maintain,
    receipts,
    refund_spend,
    refusals,
    release,
    spend,
    spend_for,
)
from tests.database.waiting import LIMIT_S, done_or_blocked

SEED = 20261121
TOO_FEW = Refusal("PT402", "insufficient_tokens")
RESOLVED = Refusal("PT409", "hold_resolved")


def test_fifty_calls_with_one_key_hold_once(bank: Bank) -> None:
    user = bank.user(100)
    answers = receipts(bank.together([hold(user, 3, "same")] * 50))
    assert len({answer["id"] for answer in answers}) == 1
    assert Counter(answer["replayed"] for answer in answers) == {False: 1, True: 49}
    assert bank.wallet(user) == (100, 3)
    assert not bank.audit()


def test_holds_never_exceed_the_balance(bank: Bank) -> None:
    user = bank.user(10)
    answers = bank.together([hold(user, 3, f"key {n}") for n in range(40)])
    assert refusals(answers) == {TOO_FEW: 37}
    assert bank.wallet(user) == (10, 9)
    assert not bank.audit()


def test_a_hold_ends_once_however_many_end_it(bank: Bank) -> None:
    for _ in range(5):
        user = bank.user(10)
        held = bank.ask(hold(user, 4, "job"))
        answers = bank.together([capture(held["id"]), release(held["id"])] * 15)
        [row] = bank.rows("select status from coinslot.token_holds where id = %s", held["id"])
        refused, left = {"captured": (15, 6), "released": (29, 10)}[row["status"]]
        assert refusals(answers) == {RESOLVED: refused}  # a capture is found again, a release not
        assert bank.wallet(user) == (left, 0)
    assert not bank.audit()


def test_captures_beyond_their_holds_share_what_is_there(bank: Bank) -> None:
    user = bank.user(30)
    holds = [bank.ask(hold(user, 2, f"job {n}"))["id"] for n in range(10)]
    answers = receipts(bank.together([capture(hold_id, 5) for hold_id in holds]))
    assert sum(answer["missing"] for answer in answers) == 20
    assert sum(answer["delta"] for answer in answers) == -30
    assert bank.wallet(user) == (0, 0)
    assert not bank.audit()


def test_refunds_at_once_give_back_no_more_than_was_spent(bank: Bank) -> None:
    user = bank.user(10)
    bank.ask(spend_for(user, 10, "job"))
    answers = bank.together([refund_spend(user, f"key {n % 20}", "job", 2) for n in range(40)])
    assert set(refusals(answers)) == {Refusal("PT409", "spend_refunded")}
    given = [answer for answer in answers if not isinstance(answer, Refusal)]
    assert Counter(answer["replayed"] for answer in given)[False] == 5
    assert bank.wallet(user) == (10, 0)
    assert not bank.audit()


def test_a_retry_of_an_expired_hold_holds_once(bank: Bank) -> None:
    user = bank.user(10)
    first = bank.ask(hold(user, 10, "job"))
    bank.change(EXPIRE_HOLD, first["id"])
    answers = receipts(bank.together([hold(user, 10, "job"), maintain()] * 15))
    made = {answer["id"] for answer in answers if "id" in answer}
    assert len(made) == 1
    assert first["id"] not in made
    assert bank.wallet(user) == (10, 10)
    assert not bank.audit()


def test_a_storm_on_one_wallet_overspends_nothing_and_deadlocks_never(bank: Bank) -> None:
    """8 jobs and 4 sweepers, 25 rounds each, on a wallet that is too small for all of them."""
    user = bank.user(60)
    workers: list[Callable[[Connection], Answer]] = [
        *(_job(user, number) for number in range(8)),
        *([_sweeper] * 4),
    ]
    bank.together(workers)
    bank.change(
        "update coinslot.token_holds set expires_at = clock_timestamp() where status = 'held'"
    )
    bank.ask(maintain())
    tokens, held = bank.wallet(user)
    assert (tokens >= 0, held) == (True, 0)
    spent = sum(-delta for kind, delta in bank.history(user) if kind == "spend")
    assert tokens == 60 - spent
    assert not bank.audit()


@pytest.mark.parametrize("resolve", [capture, release, extend])
def test_who_waits_for_a_wallet_has_none_of_its_holds(
    bank: Bank, resolve: Callable[[UUID], Call]
) -> None:
    """Or whoever has the wallet, and wants the hold, waits for them in turn."""
    user = bank.user(10)
    held = bank.ask(hold(user, 4, "job"))["id"]
    with bank.connect() as first, bank.connect() as second, ThreadPoolExecutor(1) as thread:
        with first.transaction():
            first.execute("select from token_wallets where user_id = %s for update", [user])
            end = thread.submit(resolve(held), second)
            assert not done_or_blocked(end, second, first)
            first.execute(
                "select from coinslot.token_holds where id = %s for update nowait", [held]
            )
        assert not isinstance(end.result(LIMIT_S), Refusal)
    assert not bank.audit()


def _job(user: UUID, number: int) -> Callable[[Connection], Answer]:
    def work(connection: Connection) -> Answer:
        random = Random(SEED + number)  # noqa: S311 - repeatable, not secret
        for turn in range(25):
            key = f"{number} {turn}"
            held = hold(user, random.randint(1, 5), key)(connection)
            spend(user, 1, f"user {key}")(connection)
            if isinstance(held, Refusal):
                continue
            match random.randrange(4):
                case 0:
                    capture(held["id"])(connection)
                case 1:
                    release(held["id"])(connection)
                case 2:
                    connection.execute(EXPIRE_HOLD, [held["id"]])
                    spend_for(user, 1, key)(connection)
                case _:
                    connection.execute(EXPIRE_HOLD, [held["id"]])
        return {}

    return work


def _sweeper(connection: Connection) -> Answer:
    for _ in range(25):
        maintain()(connection)
    return {}
