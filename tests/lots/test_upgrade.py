"""Wallets from before there were lots: what their histories make of them is what models have.

Each history begins in the first release, which has no lots. All of them are upgraded at once, and
go on: the lots of some are made at a call, those of others by the maintenance.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from random import Random

import pytest

from tests.database.people import Bank, Connection, maintain
from tests.lots.author import Author
from tests.lots.comparison import Pair
from tests.lots.played import ROOM, Played, as_shown
from tests.lots.terms import Rules
from tests.releases.databases import at_release, push
from tests.support.clocks import Clock
from tests.support.clusters import Cluster
from tests.support.sizes import sized

UPGRADED = int(os.environ.get("UPGRADED_HISTORIES") or sized(10, proofs=200))
BEFORE = AFTER = 35

_BALANCE = """
select tokens::int, coinslot.available(w)::int as available from token_wallets w where user_id = %s
"""
_BEHIND = "select count(*)::int as n from token_wallets where folded_at = '-infinity'"


@pytest.fixture
def old(clocked: tuple[Cluster, Clock]) -> Iterator[tuple[Bank, str]]:
    """A database of the first release, and its name."""
    cluster, _ = clocked
    with at_release(cluster, "0.1.0") as name, closing(Bank(cluster.url(name))) as bank:
        bank.change(ROOM)
        yield bank, name


@pytest.mark.timeout(3600)
def test_an_upgraded_history_goes_on_as_if_there_had_always_been_lots(
    old: tuple[Bank, str], clocked: tuple[Cluster, Clock]
) -> None:
    (bank, name), (cluster, clock) = old, clocked
    with closing(bank.connect()) as connection:
        histories = [
            UpgradedHistory(seed, Played(bank, connection, clock)) for seed in range(UPGRADED)
        ]
        for history in histories:
            history.go_on(BEFORE)
    push(cluster, name)
    with closing(bank.connect()) as connection:
        for history in histories[: UPGRADED // 2]:
            history.is_upgraded(connection)
            history.go_on(AFTER)
        _maintain_until_done(bank)
        assert bank.audit() == []
        for history in histories[UPGRADED // 2 :]:
            history.is_upgraded(connection)
            history.go_on(AFTER)
    assert bank.audit() == []


def _maintain_until_done(bank: Bank) -> None:
    for _ in range(100):
        if bank.rows(_BEHIND)[0]["n"] == 0:
            return
        bank.ask(maintain())
    raise AssertionError(bank.rows(_BEHIND))


class UpgradedHistory:
    def __init__(self, seed: int, played: Played) -> None:
        self.seed = seed
        self.played = played
        self.author = Author(
            Random(seed),  # noqa: S311 - a history is told by its seed
            Pair.of(Rules(returned_lifetime=10)),
            as_the_database_sells=True,
        )
        self.author.knows_lots = False

    def is_upgraded(self, connection: Connection) -> None:
        self.author.knows_lots = True
        self.played.connection = connection
        self.played.set_rules(Rules(returned_lifetime=10))

    def go_on(self, calls: int) -> None:
        for _ in range(calls):
            call = self.author.next()
            answer = self.author.pair.play(call)
            self.author.heard(call, answer)
            assert self.played.play(call) == answer, (self.seed, call)
            self.check(str(call.arguments.get("into", call.user)), (self.seed, call))

    def check(self, user: str, where: object) -> None:
        shown = as_shown(self.author.pair.late, user, self.author.clock)
        if self.author.knows_lots:
            assert self.played.show(user, self.author.clock) == shown, where
        else:
            [row] = self.played.bank.rows(_BALANCE, self.played.user(user))
            assert (row["tokens"], row["available"]) == (shown.tokens, shown.available), where
