"""Rows in SQL: what the rules cost, beside statements that do only what has to be done."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.bench.database import TOKENS, prepare, run, settle
from tests.bench.invariants import ALL_TOKENS, PURCHASES, SPENDS
from tests.bench.pgbench import Script, play
from tests.bench.rows import Row
from tests.bench.turns import alternate

if TYPE_CHECKING:
    from tests.bench.bench import Bench

DATABASE = "bench_sql"
_CLIENTS = 16
# Buyers come one by one: fewer of them are credited at the same time than spend.
_CREDITED_AT_ONCE = 4
_SPEND_TARGET = 0.80
# Tokens that a hold of `scripts` sets aside, and that one of its orders buys.
_HELD, _BOUGHT = 2, 10

Variants = dict[str, str]
"""Names of scripts by what the table calls them, Coinslot's first."""

_SPENDS: Variants = {
    "spend_tokens": "SPEND",
    "one statement by hand": "SPEND_BY_HAND",
    "an update without a ledger": "UPDATE",
}


def measure(bench: Bench) -> None:
    effort = bench.effort
    prepare(bench, DATABASE)
    orders = effort.rounds * 2 * _CREDITED_AT_ONCE * effort.credits
    with bench.stack.connect(DATABASE) as connection:
        run(connection, "floors.sql")
        run(connection, "orders.sql", users=effort.users, orders=orders)
        run(connection, "copies.sql")
    settle(bench, DATABASE)
    targets = {"one statement by hand": _SPEND_TARGET}
    _row(bench, "spend_random", "spend, random users", _SPENDS, targets=targets)
    _row(bench, "spend_hot", "spend, one hot user", _SPENDS, users=1, targets=targets)
    _row(
        bench,
        "hold_capture",
        "hold and capture",
        {
            "hold_tokens_for, capture_token_hold": "HOLD_AND_CAPTURE",
            "two statements by hand": "HOLD_AND_CAPTURE_BY_HAND",
        },
    )
    _row(
        bench,
        "apply_payment",
        "credit a payment",
        {"coinslot_apply_gateway_payment": "APPLY", "one statement by hand": "APPLY_BY_HAND"},
        clients=_CREDITED_AT_ONCE,
        transactions=effort.credits,
    )
    _expect(bench)


def _expect(bench: Bench) -> None:
    given = bench.effort.users * TOKENS
    done = {script: number for (name, script), number in bench.done.items() if name == DATABASE}
    spent, captured, bought = (done[n] for n in ("SPEND", "HOLD_AND_CAPTURE", "APPLY"))
    bench.expect(DATABASE, "spends", SPENDS, spent + captured)
    bench.expect(DATABASE, "purchases", PURCHASES, bought)
    left = given - spent - _HELD * captured + _BOUGHT * bought
    bench.expect(DATABASE, "tokens", ALL_TOKENS, left)
    spent, captured, bought = (
        done[f"{name}_BY_HAND"] for name in ("SPEND", "HOLD_AND_CAPTURE", "APPLY")
    )
    entries = "select count(*) from bench.token_ledger where kind in ('spend', 'purchase')"
    bench.expect(DATABASE, "entries by hand", entries, spent + captured + bought)
    left = given - spent - _HELD * captured + _BOUGHT * bought
    bench.expect(DATABASE, "tokens by hand", "select sum(tokens) from bench.wallets", left)
    balances = "select sum(tokens) from bench.balances"
    bench.expect(DATABASE, "balances", balances, given - done["UPDATE"])


def _row(
    bench: Bench,
    key: str,
    title: str,
    variants: Variants,
    *,
    users: int | None = None,
    clients: int = _CLIENTS,
    transactions: int | None = None,
    targets: dict[str, float] | None = None,
) -> None:
    each = transactions or bench.effort.transactions
    turns = {
        label: partial(
            play, bench, DATABASE, Script(name, clients, users or bench.effort.users, each)
        )
        for label, name in variants.items()
    }
    measured = alternate(bench.effort.rounds, turns)
    bench.show(Row(key, f"{title}, {clients} connections", "per second", measured, targets or {}))
