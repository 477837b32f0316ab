"""Each page of a list looks at so many rows and no more, whatever is filtered for.

A session of PostgREST's keeps its plans, and after some calls takes one for any value: a filter
that finds little, or a wallet that has much, must not be read as if it were the usual one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString, NamedTuple
from uuid import UUID

import psycopg
import pytest

from devstack.postgres import SUPERUSER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg import Connection

    from tests.support.clusters import Cluster

PAYMENTS = 100_000
MOST_ROWS = 13_000
"""Three times what a call walks: orders are walked again for where the next call goes on."""
HUNDRED_MS = 0.1
pytestmark = pytest.mark.timeout(1200)
PLANS = ("force_custom_plan", "force_generic_plan")
Filters = dict[str, Any]
HERE = Path(__file__).parent

_READ = """
select coalesce(t.relname || ' by ', '') || c.relname, pg_stat_get_xact_tuples_returned(c.oid)
from pg_class c
left join pg_index i on i.indexrelid = c.oid
left join pg_class t on t.oid = i.indrelid
where c.relkind in ('r', 'i')
  and c.relnamespace::regnamespace::text in ('public', 'coinslot', 'auth')
"""
OLD = {"since": "2020-01-01T00:00:00Z", "until": "2020-02-01T00:00:00Z"}
LATE = {"until": "2026-01-01T00:00:00Z"}


def _filters(large: str, usual: str, endpoint: str, operator: str) -> list[tuple[str, Filters]]:
    """Of each list none, and each filter with much and with nothing to find."""
    each: tuple[tuple[str, tuple[Filters, ...]], ...] = (
        ("orders", tuple({"status": [s]} for s in ("review", "expired", "refunded", "voided"))),
        ("orders", ({"gateway": "x"}, {"method": "x"}, {"product": "x"}, {"currency": "EUR"})),
        ("orders", ({"code": "NONE"}, {"live": True}, {"user": usual}, OLD, LATE)),
        ("orders", ({"status": ["review"], "gateway": "x"},)),
        ("refunds", ({"status": ["failed"]}, {"status": ["requested"]}, {"gateway": "x"})),
        ("refunds", ({"user": usual}, {"user": large, "gateway": "x"}, OLD)),
        ("customers", (OLD, LATE)),
        ("cases", ({"kind": "wallet_full"}, {"gateway": "toss"}, {"order": "x"})),
        ("cases", ({"state": "resolved"}, {"state": "resolved", "kind": "ledger_unsound"})),
        ("webhooks", ({"outcome": "failed"}, {"outcome": "not_yet"}, {"outcome": "credited"})),
        ("webhooks", ({"gateway": "x"}, {"event": "rare"}, {"order": "ord_year000000000005"})),
        ("subscriptions", ({"status": ["past_due"]}, {"plan": "rare"}, {"gateway": "x"})),
        ("subscriptions", ({"user": usual}, {"currency": "x"}, {"live": True}, OLD)),
        ("cash_receipts", ({"state": "failed"}, {"state": "requested"}, {"state": "issued"})),
        ("promotions", ({},)),
        ("codes", ({"promotion": "p1"},)),
        ("actions", ({"actor": operator}, {"actor": usual}, {"action": "orders_voided"})),
        ("actions", ({"subject": usual}, {"actor": operator, "action": "orders_voided"}, OLD)),
        ("entries", ({"user": large}, {"user": large, "kind": "expiry"})),
        ("deliveries", ({"endpoint": endpoint}, {"endpoint": endpoint, "state": "parked"})),
        ("deliveries", ({"endpoint": endpoint, "event": "evt_5"},)),
        ("deliveries", ({"endpoint": endpoint, "type": "x.y"},)),
    )
    plain = ("orders", "refunds", "customers", "cases", "webhooks", "subscriptions", "actions")
    return [(name, one) for name, many in each for one in many] + [
        (name, {}) for name in (*plain, "cash_receipts")
    ]


class Shop(NamedTuple):
    """A connection as an operator's, and those whom the filters are about."""

    connection: Connection
    operator: str
    large: str
    usual: str
    endpoint: str

    def asks(self, query: LiteralString, *values: object) -> tuple[Any, dict[str, int], float]:
        """The answer, the rows that were looked at, and the CPU's seconds."""
        claims = json.dumps({"sub": self.operator, "role": "authenticated"})
        with self.connection.transaction():
            self.connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])
            before, begun = self._read(), self._cpu()
            row = self.connection.execute(query, values).fetchone()
            taken = self._cpu() - begun
            after = self._read()
        assert row is not None
        rows = {name: n - before.get(name, 0) for name, n in after.items()}
        return row[0], {name: n for name, n in rows.items() if n}, taken

    def _read(self) -> dict[str, int]:
        return dict(self.connection.execute(_READ).fetchall())

    def _cpu(self) -> float:
        stat = Path(f"/proc/{self.connection.info.backend_pid}/schedstat")
        return int(stat.read_text(encoding="utf-8").split()[0]) / 1e9


@pytest.fixture(scope="module")
def grown(cluster: Cluster) -> Iterator[Shop]:
    with (
        cluster.clone(cluster.template("strict")) as name,
        psycopg.connect(cluster.url(name, SUPERUSER), autocommit=True) as connection,
    ):
        for file in ("year.sql", "lists.sql"):
            script = (HERE / file).read_text(encoding="utf-8")
            connection.execute(script.replace("%(payments)s", str(PAYMENTS)).encode())
        connection.execute("vacuum analyze")
        people = "select md5('user 1')::uuid, md5('user 7')::uuid, md5('user 5000')::uuid"
        row = connection.execute(f"{people}, md5('endpoint')::uuid").fetchone()
        assert row is not None
        assert all(isinstance(each, UUID) for each in row)
        connection.execute(
            "insert into coinslot.operators (user_id, role) values (%s, 'owner')", [row[0]]
        )
        yield Shop(connection, *map(str, row))


@pytest.mark.proof
@pytest.mark.parametrize("plans", PLANS)
def test_a_page_of_any_list_takes_as_much_as_any_other(
    grown: Shop, record_property: Callable[[str, object], None], plans: str
) -> None:
    grown.connection.execute(f"set plan_cache_mode = {plans}".encode())
    pages = _filters(grown.large, grown.usual, grown.endpoint, grown.operator)
    for name, filters in pages:
        query = "select token_console_list(%s, %s, null, 100)"
        asked = [grown.asks(query, name, json.dumps(filters)) for _ in range(3)]
        rows, taken = asked[0][1], min(each[2] for each in asked)
        record_property(f"milliseconds of {name} {filters}", round(1000 * taken, 1))
        assert sum(rows.values()) < MOST_ROWS, (name, filters, rows)
        assert taken < HUNDRED_MS, (name, filters, taken)


@pytest.mark.proof
@pytest.mark.parametrize("plans", PLANS)
def test_what_is_looked_at_in_full_reads_what_belongs_to_it(grown: Shop, plans: str) -> None:
    grown.connection.execute(f"set plan_cache_mode = {plans}".encode())
    order = "ord_year000000050001"
    subscription = "select md5('subscription 100')::uuid::text"
    found = grown.connection.execute(subscription).fetchone()
    assert found is not None
    for what, of in (
        *(("order", order), ("customer", grown.usual), ("customer", grown.large)),
        *(("proof", grown.usual), ("webhook", "7"), ("subscription", found[0])),
        *(("endpoint", grown.endpoint), ("delivery", "100"), ("team", None)),
        *(("catalogue", None), ("settings", None), ("exports", None), ("me", None)),
    ):
        _, rows, taken = grown.asks("select token_console_get(%s, %s)", what, of)
        assert sum(rows.values()) < MOST_ROWS / 10, (what, rows)
        assert taken < HUNDRED_MS, (what, taken)
    for q in (order, "buyer77@example.com", "CODE17", "starter", "evt_9", grown.large):
        _, rows, _ = grown.asks("select token_console_search(%s)", q)
        assert sum(rows.values()) < MOST_ROWS / 10, (q, rows)


@pytest.mark.proof
@pytest.mark.parametrize("plans", PLANS)
def test_a_page_of_a_file_takes_as_much_as_a_page_of_its_list(
    grown: Shop, record_property: Callable[[str, object], None], plans: str
) -> None:
    grown.connection.execute(f"set plan_cache_mode = {plans}".encode())
    for name in ("orders", "refunds", "subscriptions", "entries", "cash_receipts", "actions"):
        start = "select token_console_act('start_export', %s, 'r', %s, '{\"format\": \"csv\"}')"
        begun = grown.asks(start, name, f"{plans} {name}")[0]["answer"]["id"]
        page, after = "select token_console_list('export', %s, %s, 500)", None
        for _ in range(3):
            answer, rows, taken = grown.asks(page, json.dumps({"export": begun}), after)
            record_property(f"milliseconds of a file of {name}", round(1000 * taken, 1))
            assert answer["items"]
            assert sum(rows.values()) < MOST_ROWS, (name, rows)
            assert taken < 3 * HUNDRED_MS, (name, taken)
            after = answer["next"]
        grown.asks("select token_console_act('remove_export', %s, 'r', %s)", begun, begun)
