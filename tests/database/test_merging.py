"""Two wallets become one while either is in use: each call ends as if it had come before the merge
or after it, no token is lost, and none is counted twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import pairwise, product
from uuid import UUID

import pytest
from psycopg import IsolationLevel

from tests.database.actions import MONEY, Step
from tests.database.actions import World as LoneWorld
from tests.database.people import (
    Answer,
    Bank,
    Connection,
    Refusal,
    ask_refund,
    capture,
    create_order,
    gateway_says,
    grant,
    hold,
    merge,
    receipts,
    refusals,
    spend,
    spend_for,
)
from tests.database.stage import LOCKS, Stage
from tests.database.waiting import LIMIT_S
from tests.support.sizes import PROOFS, sized


@dataclass(frozen=True)
class World(LoneWorld):
    """Everything of `user` can be merged: the refund is over. `into` has 5 tokens, 2 of them held,
    and an order that is open; `third` has 1."""

    into: UUID
    into_held: UUID
    into_order: str
    into_paid: str
    third: UUID


Action = Callable[[World], Step]

MERGES: dict[str, Action] = {
    "merge": lambda world: merge(world.user, world.into, f"m {world.user}").inside,
    "merge_back": lambda world: merge(world.into, world.user, f"b {world.user}").inside,
    "merge_on": lambda world: merge(world.into, world.third, f"o {world.user}").inside,
    "merge_before": lambda world: merge(world.third, world.user, f"c {world.user}").inside,
    "merge_elsewhere": lambda world: merge(world.user, world.third, f"e {world.user}").inside,
    "merge_under_its_key": lambda world: merge(world.third, world.into, f"m {world.user}").inside,
}
"""In any direction, and under one key."""

INTO: dict[str, Action] = {
    "into_spends": lambda world: spend(world.into, 3, "k").inside,
    "into_spends_under_a_key_of_both": lambda world: spend_for(world.into, 2, "s").inside,
    "into_is_granted": lambda world: grant(world.into, 5, "g").inside,
    "into_holds": lambda world: hold(world.into, 3, "s").inside,
    "into_captures": lambda world: capture(world.into_held).inside,
    "into_orders": lambda world: create_order(world.into, "o").inside,
    "into_is_paid": lambda world: gateway_says(world.into_order, 1, paid=5000).inside,
    "into_is_asked_for_a_refund": lambda world: ask_refund(world.into_paid, "i").inside,
    "into_is_deleted": lambda world: MONEY["delete"](replace(world, user=world.into)),
}
"""Calls about the wallet that takes over."""

ACTIONS: dict[str, Action] = {**MONEY, **MERGES, **INTO}


class MergingStage(Stage):
    actions = ACTIONS

    def _world(self) -> World:
        ask = self._bank.ask
        world = super()._world()
        ask(gateway_says(world.half_order, 2, paid=5000, refunded=2500))
        into, third = self._bank.user(5), self._bank.user(1)
        into_held = ask(hold(into, 2, "held"))
        into_order, into_paid = self._bank.order(into), self._bank.order(into)
        ask(gateway_says(into_paid, 1, paid=5000))
        more = (into, into_held["id"], into_order, into_paid, third)
        return World(**asdict(world), **dict(zip(_MORE, more, strict=True)))

    def _users(self, world: LoneWorld) -> list[UUID]:
        assert isinstance(world, World)
        return [world.user, world.referrer, world.into, world.third]


_MORE = ("into", "into_held", "into_order", "into_paid", "third")


@pytest.fixture(scope="module")
def stage(bank: Bank) -> Iterator[MergingStage]:
    stage = MergingStage(bank)
    yield stage
    stage.close()


@pytest.mark.parametrize("other", ACTIONS)
def test_a_merge_and_another_call_end_as_one_after_the_other(
    stage: MergingStage, other: str
) -> None:
    """In the suite in one of the two orders."""
    either = (("merge", other), (other, "merge"))
    for pair in either if PROOFS else either[list(ACTIONS).index(other) % 2 :][:1]:
        end = stage.interleaved(*pair, commit=True)
        assert stage.is_of_a_turn(end, *pair), f"{pair}"


@pytest.mark.parametrize("other", list(ACTIONS)[:: sized(5, proofs=1)])
def test_a_merge_that_was_rolled_back_leaves_no_trace(stage: MergingStage, other: str) -> None:
    end = stage.interleaved("merge", other, commit=False)
    assert end == stage.in_turn(other)


@pytest.mark.parametrize("other", ACTIONS)
def test_a_merge_in_a_queue_ends_as_one_after_the_other(stage: MergingStage, other: str) -> None:
    """Behind each lock and in either order; in the suite each call in one of these ways."""
    ways = list(product(LOCKS, (("merge", other), (other, "merge"))))
    for lock, pair in ways if PROOFS else ways[list(ACTIONS).index(other) % len(ways) :][:1]:
        end = stage.queued(*pair, lock)
        assert stage.is_of_a_turn(end, *pair), f"{pair}"


def test_a_crowd_around_one_wallet_loses_and_doubles_no_token(bank: Bank) -> None:
    """Ten wallets of 10 tokens are merged in all directions at once, beside people who spend, hold,
    order and are paid. What is spent and what is left is what there was and was bought."""
    users = [bank.user(10) for _ in range(10)]
    orders = [bank.order(user) for user in users]
    holds = [bank.ask(hold(user, 1, "h"))["id"] for user in users]
    bank.together(
        [
            *(merge(one, two, f"{one} {two}") for one, two in pairwise([*users, users[0]])),
            *(merge(two, one, f"{two} {one}") for one, two in pairwise(users)),
            *(spend(user, 1, "s") for user in users),
            *(gateway_says(order, 1, paid=5000) for order in orders),
            *(capture(held) for held in holds),
            *(create_order(user, "o") for user in users),
        ]
    )
    entries = bank.rows(
        "select kind, sum(delta) as tokens from token_ledger where user_id = any(%s) group by kind",
        users,
    )
    moved = {row["kind"]: int(row["tokens"]) for row in entries}
    assert (moved["grant"], moved["purchase"]) == (100, 100)
    assert moved["merge_in"] == -moved["merge_out"] > 0
    assert sum(bank.wallet(user)[0] for user in users) == 200 + moved["spend"]
    assert all(bank.wallet(user)[1] == 0 for user in users)
    assert not bank.audit()


def test_twenty_calls_with_one_key_merge_once(bank: Bank) -> None:
    one, two = bank.user(7), bank.user(1)
    answers = receipts(bank.together([merge(one, two, f"one {one}")] * 20))
    assert Counter(answer["replayed"] for answer in answers) == {False: 1, True: 19}
    assert (bank.wallet(one), bank.wallet(two)) == ((0, 0), (8, 0))
    assert not bank.audit()


def test_two_merges_in_opposite_directions_leave_one_wallet(bank: Bank) -> None:
    for turn in range(10):
        one, two = bank.user(7), bank.user(1)
        there, back = merge(one, two, f"{turn} {one}"), merge(two, one, f"{turn} {two}")
        answers = bank.together([there, back] * 4)
        assert set(refusals(answers)) == {Refusal("PT409", "wallet_merged")}
        assert sorted((bank.wallet(one), bank.wallet(two))) == [(0, 0), (8, 0)]
    assert not bank.audit()


def test_a_hold_is_captured_once_while_its_wallet_moves_on_and_on(bank: Bank) -> None:
    for turn in range(5):
        users = [bank.user(10) for _ in range(4)]
        held = bank.ask(hold(users[0], 3, "h"))
        moves = [merge(one, two, f"{turn} {one}") for one, two in pairwise(users)]
        answers = bank.together([*moves, *([capture(held["id"])] * 8)])
        captures = answers[len(moves) :]
        assert len({receipt["seq"] for receipt in receipts(captures)}) == 1
        assert sum(bank.wallet(user)[0] for user in users) == 37
    assert not bank.audit()


def test_a_hold_that_moved_is_locked_after_the_wallet_it_moved_to(bank: Bank) -> None:
    """A holder of that wallet may want the hold: the other way round, two wait for each other."""
    assert any(_capture_meets_a_merge(bank) for _ in range(20))
    assert not bank.audit()


def _capture_meets_a_merge(bank: Bank) -> bool:
    """False where the capture came before whoever was to be in its way."""
    one, two = bank.user(10), bank.user(1)
    held = bank.ask(hold(one, 3, "h"))["id"]
    with _connections(bank, 3) as (merging, capturing, third), ThreadPoolExecutor(2) as threads:
        merging.execute("begin")
        merge(one, two, f"one {one}").inside(merging)
        captured = threads.submit(capture(held), capturing)
        _wait_until_blocked(bank, capturing, merging)
        third.execute("begin")
        locked = threads.submit(third.execute, _LOCK_WALLET, [two])
        _wait_until_blocked(bank, third, merging)
        merging.execute("commit")
        locked.result(LIMIT_S)
        met = _wait_until_blocked(bank, capturing, third, unless=captured)
        third.execute("select from coinslot.token_holds where id = %s for update nowait", [held])
        third.execute("commit")
        assert receipts([captured.result(LIMIT_S)])[0]["user_id"] == two
    return met


def test_an_order_made_while_a_merge_waits_is_locked_before_the_wallets(bank: Bank) -> None:
    """The funnel has it locked and wants the wallet."""
    one, two = sorted((bank.user(10), bank.user(1)))
    with (
        _connections(bank, 4) as (third, ordering, merging, paying),
        ThreadPoolExecutor(2) as threads,
    ):
        third.execute("begin")
        third.execute(_LOCK_WALLET, [two])
        ordering.execute("begin")
        order = create_order(one, "o").inside(ordering)["order_id"]
        merged = threads.submit(merge(one, two, f"one {one}"), merging)
        _wait_until_blocked(bank, merging, ordering)
        ordering.execute("commit")
        _wait_until_blocked(bank, merging, third)
        paid = threads.submit(gateway_says(order, 1, paid=5000), paying)
        _wait_until_blocked(bank, paying, merging)
        third.execute("commit")
        receipts([merged.result(LIMIT_S), paid.result(LIMIT_S)])
    assert (bank.wallet(one), bank.wallet(two)) == ((0, 0), (21, 0))
    assert not bank.audit()


def test_an_order_made_meanwhile_is_not_left_behind_by_an_older_snapshot(bank: Bank) -> None:
    one, two = bank.user(10), bank.user(1)
    merged = merge(one, two, f"one {one}")
    with _connections(bank, 2) as (ordering, merging), ThreadPoolExecutor(1) as thread:
        for level in (IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE):
            merging.isolation_level = level
            ordering.execute("begin")
            create_order(one, f"{level}").inside(ordering)
            answer = thread.submit(merged, merging)
            _wait_until_blocked(bank, merging, ordering, unless=answer)
            ordering.execute("commit")
            assert answer.result(LIMIT_S) == Refusal("PT400", "invalid_argument")
    assert bank.ask(merged)["orders"] == 2
    assert not bank.audit()


@contextmanager
def _connections(bank: Bank, number: int) -> Iterator[list[Connection]]:
    with ExitStack() as stack:
        yield [stack.enter_context(closing(bank.connect())) for _ in range(number)]


_LOCK_WALLET = "select from token_wallets where user_id = %s for update"


def _wait_until_blocked(
    bank: Bank, waiting: Connection, by: Connection, unless: Future[Answer] | None = None
) -> bool:
    deadline = time.monotonic() + LIMIT_S
    pids = [by.info.backend_pid, waiting.info.backend_pid]
    while not bank.rows("select where %s::int = any (pg_blocking_pids(%s))", *pids):
        if unless and unless.done():
            return False
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return True
