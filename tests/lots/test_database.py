"""The database gives what the models give: histories played by a clock that the test moves.

For other histories, and as many as you like:
`PLAYED_HISTORIES=500 pytest tests/lots/test_database.py`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from random import Random

import pytest

from tests.database.people import Bank, Refusal, grant, spend_for
from tests.database.waiting import done_or_blocked
from tests.lots.author import Author
from tests.lots.comparison import Pair
from tests.lots.histories import HISTORIES
from tests.lots.played import ROOM, Played, as_shown
from tests.lots.terms import Rules
from tests.lots.test_models import rules
from tests.support.clocks import Clock
from tests.support.clusters import Cluster
from tests.support.sizes import sized

PLAYED = sized(12, proofs=300)
BY_HAND = os.environ.get("PLAYED_HISTORIES")
CALLS = 60
_LIMIT_S = 60.0


@pytest.fixture(scope="module")
def bank(clocked: tuple[Cluster, Clock]) -> Iterator[Bank]:
    cluster, _ = clocked
    with (
        cluster.clone(cluster.template("strict")) as name,
        closing(Bank(cluster.url(name))) as bank,
    ):
        bank.change(ROOM)
        yield bank


@pytest.fixture
def played(bank: Bank, clocked: tuple[Cluster, Clock]) -> Iterator[Callable[[Rules], Played]]:
    with closing(bank.connect()) as connection:

        def begin(rules: Rules) -> Played:
            played = Played(bank, connection, clocked[1])
            played.set_rules(rules)
            return played

        yield begin


@pytest.mark.parametrize("name", HISTORIES)
def test_the_database_gives_what_is_right(name: str, played: Callable[[Rules], Played]) -> None:
    pair, database = Pair.of(Rules()), played(Rules())
    for call in HISTORIES[name].calls:
        assert database.play(call) == pair.play(call)
    clock = HISTORIES[name].calls[-1].clock
    assert database.show("ann", clock) == as_shown(pair.late, "ann", clock)


@pytest.mark.timeout(0 if BY_HAND else 3600)
def test_the_database_gives_what_the_models_give(
    played: Callable[[Rules], Played], record_property: Callable[[str, object], None]
) -> None:
    told: Counter[str] = Counter()
    first = 2_000_000 if BY_HAND else 0
    for seed in range(first, first + int(BY_HAND or PLAYED)):
        told += play(seed, played)
    for name, number in told.most_common():
        record_property(name, number)


def test_two_folds_at_once_draw_what_was_spent_once(bank: Bank) -> None:
    """The lots are read by a statement that begins when the wallet is locked."""
    user = bank.user()
    for name in ("A", "B"):
        bank.ask(grant(user, 10, name))
    bank.ask(spend_for(user, 5, "spent"))
    with bank.connect() as one, bank.connect() as two, ThreadPoolExecutor(1) as thread:
        with one.transaction():
            grant(user, 1, "C").inside(one)
            other = thread.submit(grant(user, 1, "D"), two)
            assert not done_or_blocked(other, two, bank)
        assert not isinstance(other.result(_LIMIT_S), Refusal)
    lots = bank.rows("select remaining::int from token_lots where user_id = %s order by id", user)
    assert [lot["remaining"] for lot in lots] == [5, 10, 1, 1]
    assert bank.wallet(user) == (17, 0)


def play(seed: int, begin: Callable[[Rules], Played]) -> Counter[str]:
    random = Random(seed)  # noqa: S311 - a history is told by its seed
    history = rules(random)
    pair, database = Pair.of(history), begin(history)
    author = Author(random, pair, as_the_database_sells=True)
    for _ in range(CALLS):
        call = author.next()
        answer = pair.play(call)
        author.heard(call, answer)
        assert database.play(call) == answer, (seed, call)
        user = str(call.arguments.get("into", call.user))
        shown = database.show(user, call.clock)
        assert shown == as_shown(pair.late, user, call.clock), (seed, call)
    assert database.bank.audit() == []
    return pair.told
