"""The same spend in ledgers of very different sizes, and what an entry takes on disk."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tests.bench.database import fill, prepare, settle
from tests.bench.invariants import SPENDS
from tests.bench.pgbench import Script, play
from tests.bench.rows import Row
from tests.bench.turns import alternate

if TYPE_CHECKING:
    from tests.bench.bench import Bench

_CLIENTS = 16
_TARGET = 0.90


def measure(bench: Bench) -> None:
    sizes = bench.effort.entries
    for entries in sizes:
        prepare(bench, database(entries))
        if entries > bench.effort.users:
            fill(bench, database(entries), entries)
        settle(bench, database(entries))
    smallest, *_, largest = sizes
    _look_at(bench, largest)
    spend = Script("SPEND", _CLIENTS, bench.effort.users, bench.effort.transactions)
    for entries in sizes:
        # Postgres logs a page whole when it is first touched after a checkpoint. A large ledger has
        # more of them than a turn touches, and would pay in each turn for what it pays once in
        # minutes.
        play(bench, database(entries), replace(spend, transactions=bench.effort.warm_up))
    turns = {
        f"{entries:,} entries": partial(play, bench, database(entries), spend)
        for entries in reversed(sizes)
    }
    measured = alternate(bench.effort.rounds, turns)
    targets = {f"{smallest:,} entries": _TARGET}
    title = f"spend, the ledger grown, {_CLIENTS} connections"
    bench.show(Row("growth", title, "per second", measured, targets))
    for entries in sizes:
        spent = entries - bench.effort.users + bench.done[database(entries), "SPEND"]
        bench.expect(database(entries), "spends", SPENDS, spent)


def database(entries: int) -> str:
    return f"bench_{entries}"


def _look_at(bench: Bench, entries: int) -> None:
    with bench.stack.connect(database(entries)) as connection:
        found = connection.execute(
            "select pg_total_relation_size('public.token_ledger') / count(*)::float, count(*) "
            "from public.token_ledger"
        ).fetchone()
        began = time.monotonic()
        connection.execute("select from coinslot.verify_ledger(null, null)")
        bench.facts["seconds to verify the largest ledger"] = time.monotonic() - began
    size, counted = found or (0, 0)
    bench.facts["bytes per ledger entry"] = size
    bench.facts["entries in the largest ledger"] = counted
