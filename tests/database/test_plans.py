"""Purchases, spends and holds read no more rows for what others did, whenever they were planned.

A session keeps the plans of its first calls, and a database that is young has no statistics, or
those of nearly empty tables. Whatever was planned then has to do while thousands of rows come in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import pytest
from psycopg.rows import DictRow

from tests.database.people import (
    Bank,
    Call,
    Connection,
    ask_refund,
    capture,
    create_order,
    gateway_says,
    hint,
    hold,
    merge,
    receipts,
    spend,
)
from tests.support.clusters import Cluster

PURCHASES = 150
_MOST_ROWS = 20
"""Of a table that are looked at in a purchase: it takes 16 of one wallet."""
_GROWING = (
    *("token_payments", "payment_attempts", "token_payment_events", "webhooks"),
    *("token_ledger", "token_holds", "token_wallets", "refunds", "merged_wallets"),
)

_READ = """
select t.relname as name, t.seq_tup_read + sum(i.idx_tup_read) as rows
from pg_stat_user_tables t inner join pg_stat_user_indexes i using (relid)
where t.relname = any (%s)
group by t.relid, t.relname, t.seq_tup_read
"""

_WHOLE = """
select relid::regclass::text as name, seq_scan from pg_stat_user_tables
where schemaname in ('coinslot', 'public') order by 1
"""


@pytest.fixture
def young(cluster: Cluster) -> Iterator[Bank]:
    """A shop of its own that nobody has bought in."""
    with (
        cluster.clone(cluster.template("strict")) as name,
        closing(Bank(cluster.url(name))) as bank,
    ):
        yield bank


@pytest.mark.parametrize("analyzed_after", [None, 0, 5, 60])
def test_a_buyer_reads_their_own_rows(young: Bank, analyzed_after: int | None) -> None:
    buyers = [young.user() for _ in range(PURCHASES)]
    with closing(young.connect()) as session:
        for number in range(PURCHASES):
            if number == analyzed_after:
                young.change("analyze")
            if number == PURCHASES - 50:
                before = _rows_read(session)
            _buy_spend_and_hold(session, buyers[number], f"question {number}")
        read = _rows_read(session)
    per_purchase = {name: (read[name] - before[name]) / 50 for name in _GROWING}
    assert {name: rows for name, rows in per_purchase.items() if rows > _MOST_ROWS} == {}
    assert not young.audit()


def test_nothing_is_read_whole(young: Bank) -> None:
    """If that is the only way, it counts as so costly before Postgres 18 that the plan is
    compiled anew at every call: 20 ms, if `jit` is on."""
    buyers = [young.user() for _ in range(2)]
    with closing(young.connect()) as session:
        _buy_spend_and_hold(session, buyers[0], "first")
        before = _read_whole(session)
        _buy_spend_and_hold(session, buyers[1], "second")
        assert _read_whole(session) == before


@pytest.mark.parametrize("analyzed_after", [None, 0, 20])
def test_a_merge_reads_the_rows_of_the_two(young: Bank, analyzed_after: int | None) -> None:
    """Others have bought, were merged, or are asked for money."""
    with closing(young.connect()) as session:
        for number in range(40):
            one, other, third = (young.user() for _ in range(3))
            for user in (one, other, third):
                _buy_spend_and_hold(session, user, f"question {number}")
            [order] = young.rows("select order_id from token_payments where user_id = %s", third)
            young.ask(ask_refund(order["order_id"], "r", 500))
            if number == analyzed_after:
                young.change("analyze")
            before, whole = _rows_read(session), _read_whole(session)
            [merged] = receipts([merge(one, other, f"merge {number}")(session)])
        assert merged["orders"] == 1
        read, read_whole = _rows_read(session), _read_whole(session)
    most = {name: read[name] - before[name] for name in _GROWING}
    assert {name: rows for name, rows in most.items() if rows > 3 * _MOST_ROWS} == {}
    assert read_whole == whole
    assert not young.audit()


def _buy_spend_and_hold(session: Connection, buyer: UUID, key: str) -> None:
    def answer(call: Call) -> DictRow:
        [row] = receipts([call(session)])
        return row

    order_id = answer(create_order(buyer, None))["order_id"]
    webhook_id = answer(hint(order_id, None))["webhook_id"]
    applied = answer(gateway_says(order_id, 1, paid=5000, webhook_ids=[webhook_id]))
    assert applied["outcome"] == "credited"
    answer(spend(buyer, 1, key))
    held = answer(hold(buyer, 2, f"answer to {key}"))
    answer(capture(held["id"]))


def _rows_read(session: Connection) -> dict[str, int]:
    session.execute("select pg_stat_force_next_flush()")
    session.execute("select pg_stat_clear_snapshot()")
    return {row["name"]: int(row["rows"]) for row in session.execute(_READ, [list(_GROWING)])}


def _read_whole(session: Connection) -> dict[str, int]:
    session.execute("select pg_stat_force_next_flush()")
    session.execute("select pg_stat_clear_snapshot()")
    return {row["name"]: int(row["seq_scan"]) for row in session.execute(_WHOLE)}
