"""Wallets from before there were lots: what their histories make of them is what models have.

Each history begins in the first release, which has no lots. All of them are upgraded at once, and
go on: the lots of some are made at a call, those of others by the maintenance.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from random import Random
from uuid import UUID

import pytest

from devstack.postgres import SUPERUSER
from tests.database.people import Bank, Connection, maintain
from tests.lots.author import Author
from tests.lots.comparison import Pair
from tests.lots.crowd import Traffic, multiply
from tests.lots.played import ROOM, Played, as_shown, time_of
from tests.lots.terms import Rules
from tests.releases.databases import at_release, push
from tests.support.clocks import Clock
from tests.support.clusters import Cluster
from tests.support.sizes import sized

UPGRADED = int(os.environ.get("UPGRADED_HISTORIES") or sized(10, proofs=200))
BEFORE = AFTER = 35
ENTRIES = int(os.environ.get("UPGRADED_ENTRIES") or sized(10_000, proofs=1_000_000))
"""Of the ledger that is upgraded."""

_BALANCE = """
select tokens::int, coinslot.available(w)::int as available from token_wallets w where user_id = %s
"""
_BEHIND = """
select count(*)::int as n from token_wallets
where folded_at = '-infinity' and merged_into is null
"""
_ENTRIES = "select count(*)::int as n from token_ledger"
_WALLETS = "select user_id, tokens from token_wallets"
_CROWD = """
select user_id from token_wallets
where closed_at is null and user_id <> all (%s) order by user_id
"""
_CROWD_WALLETS = "select user_id, tokens::int from token_wallets where user_id = any (%s)"
_NO_DOCUMENTS = "update coinslot.settings set documents_since = '2040-01-01'"
"""Of orders that were credited before this: by the clocks of the histories, which are years ahead
of the one by which the upgrade is made."""
_CHANGED = """
select count(*)::int as n from (
  select * from before.ledger except select * from token_ledger
) changed
"""


@pytest.fixture
def old(clocked: tuple[Cluster, Clock]) -> Iterator[tuple[Bank, str]]:
    """A database of the first release, and its name."""
    cluster, _ = clocked
    with at_release(cluster, "0.1.0") as name, closing(Bank(cluster.url(name))) as bank:
        bank.change(ROOM)
        yield bank, name


@pytest.mark.timeout(7200)
def test_an_upgraded_history_goes_on_as_if_there_had_always_been_lots(
    old: tuple[Bank, str],
    clocked: tuple[Cluster, Clock],
    record_property: Callable[[str, object], None],
) -> None:
    """Beside a crowd that spends all the while, of which the books are as they were."""
    (bank, name), (cluster, clock) = old, clocked
    with closing(bank.connect()) as connection:
        histories = [
            UpgradedHistory(seed, Played(bank, connection, clock)) for seed in range(UPGRADED)
        ]
        for history in histories:
            history.go_on(BEFORE)
    [entries] = bank.rows(_ENTRIES)
    multiply(cluster.url(name, SUPERUSER), ENTRIES // entries["n"])
    bank.change("create schema before")
    bank.change("create table before.ledger as select * from token_ledger")
    balances = {row["user_id"]: row["tokens"] for row in bank.rows(_WALLETS)}
    crowd = [row["user_id"] for row in bank.rows(_CROWD, [u for h in histories for u in h.users])]
    traffic = Traffic(bank, crowd)
    with _in_real_time(cluster, clock, bank), traffic.under_way(3):
        push(cluster, name)
        bank.change(_NO_DOCUMENTS)
        for _ in range(3):
            bank.ask(maintain())
    with closing(bank.connect()) as connection:
        for history in histories[: UPGRADED // 2]:
            history.is_upgraded(connection)
            history.go_on(AFTER)
    with _in_real_time(cluster, clock, bank), traffic.under_way(1):
        _maintain_until_done(bank)
    assert bank.audit() == []
    [changed] = bank.rows(_CHANGED)
    assert changed["n"] == 0
    for row in bank.rows(_CROWD_WALLETS, crowd):
        assert row["tokens"] == balances[row["user_id"]] + traffic.moved[row["user_id"]]
    with closing(bank.connect()) as connection:
        for history in histories[UPGRADED // 2 :]:
            history.is_upgraded(connection)
            history.go_on(AFTER)
    assert bank.audit() == []
    [number] = bank.rows("select count(*)::int as n from before.ledger")
    for what, count in {"entries": number["n"], **traffic.done}.items():
        record_property(what, count)


@contextmanager
def _in_real_time(cluster: Cluster, clock: Clock, bank: Bank) -> Iterator[None]:
    """A clock that stands still lets nobody find a deadlock, or give up waiting. And libfaketime
    reads its file where Postgres looks at the clock, which may be in the handler of a signal: a
    wait that is given up there may break the heap of its process."""
    clock.let_run()
    with cluster.plain():
        bank.reopen()
        yield
    bank.reopen()


def _maintain_until_done(bank: Bank) -> None:
    """By the clock of this machine, which is years behind those of the histories: whatever of
    them is open stays so."""
    behind = bank.rows(_BEHIND)[0]["n"]
    while behind:
        bank.ask(maintain())
        before, behind = behind, bank.rows(_BEHIND)[0]["n"]
        assert behind < before


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

    @property
    def users(self) -> list[UUID]:
        return list(self.played.users.values())

    def is_upgraded(self, connection: Connection) -> None:
        self.author.knows_lots = True
        # The models' wallets have seen this time. Of the database's none remembers a time before
        # it has lots, so that the clock could go back for them.
        self.author.earliest = self.author.clock
        self.played.connection = connection
        self.played.set_rules(Rules(returned_lifetime=10))
        for user in self.played.users:
            self.check(user, (self.seed, "upgraded"))

    def go_on(self, calls: int) -> None:
        """A history with lots ends with a merge: those that were made together at the upgrade have
        lost which of two in different wallets was the older, and are drawn in another order."""
        for _ in range(calls):
            if self.author.knows_lots and self.author.merged:
                return
            call = self.author.next()
            answer = self.author.pair.play(call)
            self.author.heard(call, answer)
            assert self.played.play(call) == answer, (self.seed, call)
            self.check(str(call.arguments.get("into", call.user)), (self.seed, call))

    def check(self, user: str, where: object) -> None:
        shown = as_shown(self.author.pair.late, user, self.author.clock)
        if self.author.knows_lots and not self.author.merged:
            assert self.played.show(user, self.author.clock) == shown, where
        else:
            self.played.clock.set(time_of(self.author.clock))
            [row] = self.played.bank.rows(_BALANCE, self.played.user(user))
            assert (row["tokens"], row["available"]) == (shown.tokens, shown.available), where
