"""Every pair of mutating calls, the second begun while the first is not yet committed.

Whatever the second sees, the end must be one that the two could have reached one after the other;
where the first is rolled back, the end of the second alone. A deadlock fails the call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import DictRow

from tests.database.people import (
    EXPIRE_HOLD,
    Answer,
    Bank,
    Call,
    Connection,
    Refusal,
    cancel_order,
    capture,
    create_order,
    gateway_says,
    grant,
    hold,
    maintain,
    refusal,
    release,
    spend,
    spend_for,
)

LIMIT_S = 30.0


@dataclass(frozen=True)
class World:
    """20 tokens; a hold of 4, an expired one of 3; an order paid with 5,000 won, an open one."""

    user: UUID
    held: UUID
    paid_order: str
    open_order: str


Step = Callable[[Connection], DictRow]


def _delete(world: World) -> Step:
    def step(connection: Connection) -> DictRow:
        connection.execute("delete from auth.users where id = %s", [world.user])
        return {}

    return step


def _adjust(world: World) -> Step:
    arguments = {"user_id": world.user, "amount": -10, "idempotency_key": "a"}
    return Call("add_tokens", arguments | {"kind": "adjustment"}).inside


def _pay_otherwise(world: World) -> Step:
    key = f"other {world.open_order}"
    return gateway_says(world.open_order, 1, key=key, paid=5000).inside


ACTIONS: dict[str, Callable[[World], Step]] = {
    "spend": lambda world: spend(world.user, 15, "k").inside,
    "spend_for": lambda world: spend_for(world.user, 3, "s").inside,
    "grant": lambda world: grant(world.user, 5, "g").inside,
    "adjust": _adjust,
    "hold": lambda world: hold(world.user, 12, "s").inside,
    "hold_again": lambda world: hold(world.user, 3, "expired").inside,
    "capture": lambda world: capture(world.held).inside,
    "release": lambda world: release(world.held).inside,
    "maintain": lambda _: maintain().inside,
    "order": lambda world: create_order(world.user, "o").inside,
    "cancel": lambda world: cancel_order(world.user, world.open_order).inside,
    "pay": lambda world: gateway_says(world.open_order, 1, paid=5000).inside,
    "pay_otherwise": _pay_otherwise,
    "refund": lambda world: gateway_says(world.paid_order, 2, paid=5000, refunded=5000).inside,
    "delete": _delete,
}

LOCKS = {
    "wallet": "select from wallets where user_id = %s for update",
    "payments": "select from payments where user_id = %s for update",
    "holds": "select from coinslot.token_holds where user_id = %s for update",
}

End = tuple[object, ...]
"""What each call answered, in the order of the names, and the state they left."""


class Stage:
    """Two callers and somebody who watches them, over connections that stay open."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._one, self._two, self._third, self._watcher = (bank.connect() for _ in range(4))
        self.in_turn = cache(self._in_turn)

    def close(self) -> None:
        for connection in (self._one, self._two, self._third, self._watcher):
            connection.close()

    def _in_turn(self, *names: str) -> End:
        """The end of a world in which the calls come one after the other."""
        world = self._world()
        answers = [_attempt(ACTIONS[name](world), self._one) for name in names]
        return self._end(world, names, answers)

    def interleaved(self, first: str, second: str, *, commit: bool) -> End:
        world = self._world()
        with ThreadPoolExecutor(1) as thread:
            self._one.execute("begin")
            answer = _attempt(ACTIONS[first](world), self._one)
            other = thread.submit(_attempt, ACTIONS[second](world), self._two)
            self._wait_until_done_or_blocked(other, self._two)
            self._one.execute("commit" if commit else "rollback")
            later = other.result(LIMIT_S)
        self._sweep_what_was_in_use(world, second)
        if commit:
            return self._end(world, (first, second), [answer, later])
        return self._end(world, (second,), [later])

    def queued(self, first: str, second: str, lock: str) -> End:
        """Both begun, one after the other, while a row that both may want is locked by a third."""
        world = self._world()
        with ThreadPoolExecutor(2) as threads:
            self._third.execute("begin")
            self._third.execute(LOCKS[lock], [world.user])
            calls = []
            for name, connection in ((first, self._one), (second, self._two)):
                calls.append(threads.submit(_attempt, ACTIONS[name](world), connection))
                self._wait_until_done_or_blocked(calls[-1], connection)
            self._third.execute("commit")
            answers = [call.result(LIMIT_S) for call in calls]
        self._sweep_what_was_in_use(world, first, second)
        return self._end(world, (first, second), answers)

    def _sweep_what_was_in_use(self, world: World, *names: str) -> None:
        """Maintenance skips wallets that are locked, which its next run sweeps."""
        if "maintain" in names:
            _attempt(ACTIONS["maintain"](world), self._one)

    def _wait_until_done_or_blocked(self, other: Future[Answer], connection: Connection) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not other.done():
            waiting = self._watcher.execute(
                "select cardinality(pg_blocking_pids(%s)) > 0 as blocked",
                [connection.info.backend_pid],
            ).fetchone()
            if waiting and waiting["blocked"]:
                return
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def _world(self) -> World:
        user = self._bank.user(10)
        paid_order, open_order = (self._bank.order(user) for _ in range(2))
        self._bank.ask(gateway_says(paid_order, 1, paid=5000))
        held = self._bank.ask(hold(user, 4, "held"))
        expired = self._bank.ask(hold(user, 3, "expired"))
        self._bank.change(EXPIRE_HOLD, expired["id"])
        return World(user, held["id"], paid_order, open_order)

    def _end(self, world: World, names: Sequence[str], answers: Sequence[Answer]) -> End:
        assert not self._bank.rows(
            "select * from coinslot.verify_ledger(%s::uuid, null) where user_id = %s",
            world.user,
            world.user,
        )
        [state] = self._bank.rows(_STATE, *[world.user] * 5)
        heard = sorted((n, _heard(a)) for n, a in zip(names, answers, strict=True))
        return (*heard, *state.values())


_STATE = """
select w.tokens, w.held, w.closed_at is not null as closed,
  (select string_agg(l.kind || l.delta, ' ' order by l.kind, l.delta) from token_ledger l
   where l.user_id = %s) as entries,
  (select string_agg(p.status || p.version, ' ' order by p.status, p.version) from payments p
   where p.user_id = %s) as payments,
  (select string_agg(h.status || h.amount, ' ' order by h.status, h.amount)
   from coinslot.token_holds h where h.user_id = %s) as holds,
  (select count(*) from payment_events e where e.user_id = %s) as events
from wallets w where w.user_id = %s
"""


def _attempt(step: Step, connection: Connection) -> Answer:
    """The call in a transaction of its own, or in the open one, which survives a refusal."""
    try:
        with connection.transaction():
            return step(connection)
    except psycopg.Error as error:
        return refusal(error)


def _heard(answer: Answer) -> str:
    if isinstance(answer, Refusal):
        return answer.message
    return str(answer.get("outcome", answer.get("status", "done")))


@pytest.fixture(scope="module")
def stage(bank: Bank) -> Iterator[Stage]:
    stage = Stage(bank)
    yield stage
    stage.close()


@pytest.mark.parametrize("first", ACTIONS)
def test_two_calls_at_once_end_as_one_after_the_other(stage: Stage, first: str) -> None:
    for second in ACTIONS:
        ends = [stage.in_turn(first, second), stage.in_turn(second, first)]
        end = stage.interleaved(first, second, commit=True)
        assert end in ends, f"{first}, {second}"


@pytest.mark.parametrize("first", ACTIONS)
def test_a_call_that_was_rolled_back_leaves_no_trace_on_the_other(stage: Stage, first: str) -> None:
    for second in ACTIONS:
        end = stage.interleaved(first, second, commit=False)
        assert end == stage.in_turn(second), f"{first} rolled back, {second}"


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("first", ACTIONS)
def test_two_calls_in_a_queue_end_as_one_after_the_other(
    stage: Stage, first: str, lock: str
) -> None:
    for second in ACTIONS:
        ends = [stage.in_turn(first, second), stage.in_turn(second, first)]
        end = stage.queued(first, second, lock)
        assert end in ends, f"{first}, {second}"
