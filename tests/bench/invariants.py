"""Invariants that hold when all is done: fast books that do not add up are worth nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

if TYPE_CHECKING:
    import psycopg

    from tests.bench.bench import Bench

SPENDS: LiteralString = "select count(*) from public.token_ledger where kind = 'spend'"
PURCHASES: LiteralString = "select count(*) from public.token_ledger where kind = 'purchase'"
ALL_TOKENS: LiteralString = "select sum(tokens) from public.token_wallets"


@dataclass(frozen=True)
class Check:
    """The sums that a database has to come to, by the count of its callers."""

    database: str
    what: str
    query: LiteralString
    expected: int


def problems(bench: Bench) -> list[str]:
    """Everything that does not add up, in each database that was worked in."""
    found = []
    for name in sorted({check.database for check in bench.checks}):
        with bench.stack.connect(name) as connection:
            found += _unsound(connection, name)
            for check in bench.checks:
                if check.database == name:
                    found += _wrong(connection, check)
    return found


def _unsound(connection: psycopg.Connection, name: str) -> list[str]:
    rows = connection.execute("select v::text from coinslot.verify_ledger(null, null) v")
    return [f"{name}: the ledger does not add up: {row}" for (row,) in rows]


def _wrong(connection: psycopg.Connection, check: Check) -> list[str]:
    row = connection.execute(check.query).fetchone()
    found = row[0] if row else None
    if found == check.expected:
        return []
    return [f"{check.database}: {check.what}: {found}, not {check.expected}"]
