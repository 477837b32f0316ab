"""Owners who remove or demote each other at the same moment: one of them stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from uuid import UUID

import psycopg
import pytest

from tests.database.people import (
    Answer,
    Bank,
    Call,
    Refusal,
    add_operator,
    refusals,
    remove_operator,
)
from tests.database.waiting import done_or_blocked
from tests.support.sizes import sized

SEED = 20261129
LIMIT_S = 60.0
LAST = Refusal("PT409", "last_owner")


def promote(user_id: UUID) -> Call:
    return add_operator(user_id, "owner")


def demote(user_id: UUID) -> Call:
    return add_operator(user_id, "support")


@pytest.fixture(autouse=True)
def _nobody(bank: Bank) -> Iterator[None]:
    """Begins and ends without operators."""
    bank.change("delete from coinslot.operators")
    yield
    bank.change("delete from coinslot.operators")


def owners(bank: Bank) -> set[UUID]:
    rows = bank.rows("select user_id from coinslot.operators where role = 'owner'")
    return {row["user_id"] for row in rows}


def _second_in_line(bank: Bank, first: Call, second: Call, isolation: str) -> Answer:
    """The answer of the second call, which is begun before the first is committed. It has the view
    of before both where its transaction keeps one view."""
    with bank.connect() as one, bank.connect() as two, ThreadPoolExecutor(1) as thread:
        two.execute(f"set default_transaction_isolation = '{isolation}'".encode())
        two.execute("begin")
        two.execute("select count(*) from coinslot.operators")
        one.execute("begin")
        first.inside(one)
        late = thread.submit(second, two)
        done_or_blocked(late, two, bank)
        one.execute("commit")
        try:
            answer = late.result(LIMIT_S)
        except psycopg.Error:
            two.execute("rollback")
            raise
        two.execute("commit")
        return answer


@pytest.mark.parametrize("second", [remove_operator, demote])
@pytest.mark.parametrize("first", [remove_operator, demote])
class TestTheSecondOfTwoOwnersToGoStays:
    def test_seeing_what_is_so(
        self, bank: Bank, first: Callable[[UUID], Call], second: Callable[[UUID], Call]
    ) -> None:
        one, other = bank.operator("owner"), bank.operator("owner")
        answer = _second_in_line(bank, first(other), second(one), "read committed")
        assert answer == LAST
        assert owners(bank) == {one}

    def test_seeing_what_was_so(
        self, bank: Bank, first: Callable[[UUID], Call], second: Callable[[UUID], Call]
    ) -> None:
        one, other = bank.operator("owner"), bank.operator("owner")
        with pytest.raises(psycopg.errors.SerializationFailure):
            _second_in_line(bank, first(other), second(one), "repeatable read")
        assert owners(bank) == {one}


def test_of_owners_who_all_remove_each_other_one_stays(bank: Bank) -> None:
    for _ in range(sized(3, proofs=20)):
        people = [bank.operator("owner") for _ in range(8)]
        answers = bank.together([(remove_operator, demote)[n % 2](p) for n, p in enumerate(people)])
        assert refusals(answers) == {LAST: 1}
        assert len(owners(bank)) == 1
        bank.change("delete from coinslot.operators")


def test_there_is_an_owner_whatever_is_done_at_once(bank: Bank) -> None:
    random = Random(SEED)  # noqa: S311 - the same each time
    people = [bank.operator("owner") for _ in range(4)]
    for _ in range(sized(5, proofs=50)):
        changes = [promote, demote, demote, remove_operator, remove_operator]
        answers = bank.together([random.choice(changes)(random.choice(people)) for _ in range(16)])
        assert set(refusals(answers)) <= {LAST}
        assert owners(bank)
