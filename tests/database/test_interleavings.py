"""Every pair of mutating calls, the second begun while the first is not yet committed.

Whatever the second sees, the end must be one that the two could have reached one after the other;
where the first is rolled back, the end of the second alone. A deadlock fails the call.

In the suite each pair of calls that move money meets in one of the two orders, and every fourth of
these waits behind one of the locks; of the pairs with another call a sixth meet. With `PROOFS=1`
all do, in both orders, and those that move money wait behind each lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.database.actions import ACTIONS, CHORES, MONEY
from tests.database.people import Bank, gateway_says
from tests.database.stage import LOCKS, Stage
from tests.support.sizes import PROOFS, sized

_IN_THE_SUITE = {
    "wallet": slice(0, None, 8),
    "payments": slice(4, None, 16),
    "holds": slice(12, None, 16),
}
"""The pairs that wait behind each lock: every fourth pair behind one of them."""


@pytest.fixture(scope="module")
def stage(bank: Bank) -> Iterator[Stage]:
    stage = Stage(bank)
    yield stage
    stage.close()


Count = Callable[[str, object], None]


def later(first: str, names: Iterable[str]) -> list[str]:
    """Those that are not listed before `first`."""
    listed = list(names)
    return listed[listed.index(first) :]


def partners(first: str, names: Iterable[str]) -> list[str]:
    """Those that `first` goes before."""
    listed = list(names)
    if PROOFS:
        return listed
    return [second for second in listed if _meet(listed.index(first), listed.index(second))]


def _meet(at: int, place: int) -> bool:
    """In this order, in the suite."""
    comes_first = (at <= place) == ((at + place) % 2 == 0)
    return comes_first and (max(at, place) < len(MONEY) or (at + place) % 6 == 0)


def test_every_fourth_pair_waits_behind_one_of_the_locks() -> None:
    for first in MONEY:
        others = later(first, MONEY)
        behind = [second for part in _IN_THE_SUITE.values() for second in others[part]]
        assert sorted(behind) == sorted(others[::4])


def test_of_every_pair_of_calls_that_move_money_one_goes_before_the_other() -> None:
    met = {frozenset((one, two)) for one in ACTIONS for two in partners(one, ACTIONS)}
    assert met >= {frozenset((one, two)) for one in MONEY for two in MONEY}
    assert len(met) > len(MONEY) * (len(MONEY) + 1) / 2 + len(CHORES) * len(MONEY) / 8


@pytest.mark.parametrize("first", ACTIONS)
def test_two_calls_at_once_end_as_one_after_the_other(
    stage: Stage, first: str, record_property: Count
) -> None:
    others = partners(first, ACTIONS)
    for second in others:
        stage.enter(first, second)
        end = stage.interleaved(first, second, commit=True)
        assert stage.is_of_a_turn(end, first, second), f"{first}, {second}"
    record_property("pairs", len(others))


@pytest.mark.parametrize("first", MONEY)
def test_a_call_that_was_rolled_back_leaves_no_trace_on_the_other(
    stage: Stage, first: str, record_property: Count
) -> None:
    others = partners(first, MONEY)[:: sized(8, proofs=1)]
    for second in others:
        stage.enter(first, second, otherwise=True)
        end = stage.interleaved(first, second, commit=False)
        assert end == stage.in_turn(second), f"{first} rolled back, {second}"
    record_property("pairs", len(others))


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("first", MONEY)
def test_two_calls_in_a_queue_end_as_one_after_the_other(
    stage: Stage, first: str, lock: str, record_property: Count
) -> None:
    """Behind each lock; in the suite an eighth of them behind the wallet's, and a sixteenth behind
    each of the others."""
    others = later(first, MONEY)
    share = others if PROOFS else others[_IN_THE_SUITE[lock]]
    for second in share:
        stage.enter(first, second, otherwise=True)
        end = stage.queued(first, second, lock)
        assert stage.is_of_a_turn(end, first, second), f"{first}, {second}"
    record_property("pairs", len(share))


@pytest.mark.parametrize("newer", [0, 500, 5000])
@pytest.mark.parametrize("older", [0, 500, 5000])
def test_two_reads_of_one_payment_applied_in_the_wrong_order(
    bank: Bank, older: int, newer: int
) -> None:
    """Both began when nothing was refunded yet; what is applied first makes the other stale."""
    user = bank.user()
    order_id = bank.order(user)
    bank.ask(gateway_says(order_id, 1, paid=5000))
    first = bank.ask(gateway_says(order_id, 2, paid=5000, refunded=newer))
    late = bank.ask(gateway_says(order_id, 2, paid=5000, refunded=older))
    assert first["outcome"] == ("reversed" if newer else "unchanged")
    assert late["outcome"] == ("unchanged" if older == newer else "stale")
    assert bank.wallet(user) == (10 - 10 * newer // 5000, 0)
    assert not bank.audit()
