"""The price of lots: `python -m tests.bench.lots` compares with 0.1.0, which had none.

Measured is the CPU of the server's process alone, to the nanosecond, and not the time that passes.
Each variant has equally many turns, in random order.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random
from statistics import median
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from tests.bench.report import out
from tests.database.people import Bank, Call, Connection, grant, maintain, spend
from tests.releases.databases import at_release, push
from tests.support.clusters import Cluster, running

USERS = 10
LOTS = 100
CALLS = 100
"""In a turn. A fold is one call for each user: what a fold leaves behind makes the next dearer."""

Turn = Callable[[], int]
"""Makes calls, and says how many."""


class Subject:
    """A database, and the one connection to it whose process is watched."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.connection: Connection = bank.connect()
        [row] = self.connection.execute("select pg_backend_pid() as pid").fetchall()
        self.schedule = Path(f"/proc/{row['pid']}/schedstat")
        self.spare = bank.user(1_000_000)
        self.turns = 0

    def cpu(self, prepare: Callable[[], Turn]) -> float:
        """Milliseconds of each call."""
        self.turns += 1
        turn = prepare()
        self._plan()
        before = self._used()
        calls = turn()
        return (self._used() - before) / 1e6 / calls

    def _plan(self) -> None:
        """A vacuum has Postgres plan anew what it has kept, which is no part of a call."""
        with self.connection.transaction(force_rollback=True):
            spend(self.spare, 1, "spend").inside(self.connection)
            grant(self.spare, 1, "grant").inside(self.connection)

    def _used(self) -> int:
        return int(self.schedule.read_text().split()[0])

    def people(self) -> list[UUID]:
        """New ones each time, so that nobody has more lots than another."""
        return [self.bank.user(1_000_000) for _ in range(USERS)]

    def spending(self) -> Turn:
        users = self.people()
        return lambda: self._ask(users, lambda user, key: spend(user, 1, key))

    def crediting(self) -> Turn:
        users = self.people()
        return lambda: self._ask(users, lambda user, key: grant(user, 1, key))

    def _ask(self, users: list[UUID], call: Callable[[UUID, str], Call]) -> int:
        for number in range(CALLS):
            with self.connection.transaction():
                call(users[number % USERS], f"{self.turns} {number}").inside(self.connection)
        return CALLS

    def with_lots(self, number: int) -> list[UUID]:
        """People who have so many lots, none of which is due, and none drawn."""
        users = [self.bank.user() for _ in range(USERS)]
        for user in users:
            for lot in range(number):
                self.bank.ask(_lasting(user, lot))
        return users

    def folding(self, users: list[UUID], spent: int, statement: str) -> Turn:
        """Spends and folds, and undoes both."""
        self.bank.change("vacuum token_wallets, token_lots, coinslot.lot_draws")

        def fold() -> int:
            for user in users:
                with self.connection.transaction(force_rollback=True):
                    self.connection.execute(_SPENT, [spent, user])
                    self.connection.execute(statement, [user])
            return len(users)

        return fold


def _lasting(user: UUID, lot: int) -> Call:
    arguments = {"user_id": user, "amount": 100, "idempotency_key": f"lot {lot}"}
    return Call("add_tokens", arguments | {"expires_at": f"2999-01-01 00:00:{lot % 60:02}+00"})


def measure(old: Subject, new: Subject, rounds: int, random: Random) -> dict[str, list[float]]:
    few, many = new.with_lots(1), new.with_lots(LOTS)
    turns: dict[str, tuple[Subject, Callable[[], Turn]]] = {
        "spend, 0.1.0": (old, old.spending),
        "spend": (new, new.spending),
        "credit, 0.1.0": (old, old.crediting),
        "credit": (new, new.crediting),
        "the same without a fold": (new, lambda: new.folding(few, 1, _NO_FOLD)),
        "fold, nothing drawn": (new, lambda: new.folding(few, 0, _FOLD)),
        "fold, one drawn": (new, lambda: new.folding(few, 1, _FOLD)),
        f"fold of {LOTS} lots, one drawn": (new, lambda: new.folding(many, 1, _FOLD)),
        f"fold of {LOTS} lots, all drawn": (new, lambda: new.folding(many, 100 * LOTS, _FOLD)),
    }
    order = [name for name in turns for _ in range(rounds)]
    random.shuffle(order)
    measured: dict[str, list[float]] = {name: [] for name in turns}
    for name in [*turns, *order]:
        subject, prepare = turns[name]
        measured[name].append(subject.cpu(prepare))
    return {name: values[1:] for name, values in measured.items()}


def show(measured: dict[str, list[float]]) -> None:
    table = Table("CPU of the server, ms", "median", "lowest", "highest")
    for name, values in measured.items():
        figures = (median(values), min(values), max(values))
        table.add_row(name, *(f"{figure:.4f}" for figure in figures))
    out.print(table)
    for name in ("spend", "credit"):
        before = median(measured[f"{name}, 0.1.0"])
        out.print(f"{name}: {median(measured[name]) / before:.3f} times that of 0.1.0")


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each variant.")] = 60,
    seed: Annotated[int, typer.Option(help="Of the order of turns.")] = 1,
) -> None:
    random = Random(seed)  # noqa: S311 - a measurement can be repeated
    with ExitStack() as stack:
        cluster = stack.enter_context(running("lots"))
        old, new = (_subject(stack, cluster) for _ in range(2))
        push(cluster, new.connection.info.dbname)
        while new.bank.rows(_BEHIND):
            new.bank.ask(maintain())
        show(measure(old, new, rounds, random))


def _subject(stack: ExitStack, cluster: Cluster) -> Subject:
    name = stack.enter_context(at_release(cluster, "0.1.0"))
    bank = stack.enter_context(closing(Bank(cluster.url(name))))
    subject = Subject(bank)
    stack.callback(subject.connection.close)
    return subject


_SPENT = "update token_wallets set tokens = tokens - %s where user_id = %s"
_FOLD = """
select count(coinslot.fold(w.user_id, coinslot.wallet_time(w))) from coinslot.lock_wallet(%s) w
"""

_NO_FOLD = "select count(w.tokens) from coinslot.lock_wallet(%s) w"
_BEHIND = "select from token_wallets where folded_at = '-infinity'"

if __name__ == "__main__":
    typer.run(main)
