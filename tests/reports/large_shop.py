"""A year of a large shop, as its operators ask for it: lists, things in full, searches, reports."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    from psycopg import Connection

HERE = Path(__file__).parent
PAGE: LiteralString = "select token_console_list(%s, %s, %s, 100)"
GET: LiteralString = "select token_console_get(%s, %s)"
SEARCH: LiteralString = "select token_console_search(%s)"
REPORT: LiteralString = "select token_console_report(%s, %s)"
BEGIN_EXPORT: LiteralString = (
    "select token_console_act('start_export', %s, 'r', %s, '{\"format\": \"csv\"}')"
)
EXPORT: LiteralString = "select token_console_list('export', %s, %s, 500)"
EXPORTS = ("orders", "refunds", "subscriptions", "entries", "cash_receipts", "actions")
SEARCHED = ("ord_year000000050001", "buyer77@example.com", "CODE17", "starter", "evt_9", "paid5009")
OLD = {"since": "2020-01-01T00:00:00Z", "until": "2020-02-01T00:00:00Z"}
LATE = {"until": "2026-01-01T00:00:00Z"}
Filters = dict[str, Any]

_READ = """
select coalesce(t.relname || ' by ', '') || c.relname, pg_stat_get_xact_tuples_returned(c.oid)
from pg_class c
left join pg_index i on i.indexrelid = c.oid
left join pg_class t on t.oid = i.indrelid
where c.relkind in ('r', 'i')
  and c.relnamespace::regnamespace::text in ('public', 'coinslot', 'auth')
"""


def fill(connection: Connection, file: str, *, payments: int, wallets: int) -> None:
    """Runs year.sql, or lists.sql after it: many rows in few statements, past the triggers."""
    script = (HERE / file).read_text(encoding="utf-8")
    for name, value in (("payments", payments), ("wallets", wallets)):
        script = script.replace(f"%({name})s", str(value))
    connection.execute(script.encode())


def sum_up(connection: Connection) -> None:
    """Adds up money and orders, as the maintenance does."""
    for part in ("coinslot.sum_moves(20000)", "coinslot.sum_orders(5000)"):
        while one(connection, f"select {part}"):
            pass


def one(connection: Connection, query: LiteralString, *values: object) -> Any:  # noqa: ANN401
    """The only value of the first row."""
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return row[0]


def cpu_of(connection: Connection) -> float:
    """Seconds that the server's process has computed: a busy machine does not lengthen them."""
    stat = Path(f"/proc/{connection.info.backend_pid}/schedstat")
    return int(stat.read_text(encoding="utf-8").split()[0]) / 1e9


class Asked(NamedTuple):
    """An answer, the rows that were looked at, the CPU's seconds, and those that passed."""

    answer: Any
    rows: dict[str, int]
    cpu: float
    seconds: float


class Shop(NamedTuple):
    """A connection as an operator's, and those whom the filters are about."""

    connection: Connection
    operator: str
    large: str
    usual: str
    endpoint: str

    @classmethod
    def of(cls, connection: Connection) -> Shop:
        """The shop that `fill` made, with its owner."""
        people = "select md5('user 1')::uuid, md5('user 7')::uuid, md5('user 5009')::uuid"
        row = connection.execute(f"{people}, md5('endpoint')::uuid").fetchone()
        assert row is not None
        assert all(isinstance(each, UUID) for each in row)
        connection.execute(
            "insert into coinslot.operators (user_id, role) values (%s, 'owner') "
            "on conflict do nothing",
            [row[0]],
        )
        return cls(connection, *map(str, row))

    def asks(self, query: LiteralString, *values: object) -> Asked:
        claims = json.dumps({"sub": self.operator, "role": "authenticated"})
        with self.connection.transaction():
            self.connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])
            before, cpu, begun = self._read(), cpu_of(self.connection), time.perf_counter()
            row = self.connection.execute(query, values).fetchone()
            seconds, cpu = time.perf_counter() - begun, cpu_of(self.connection) - cpu
            after = self._read()
        assert row is not None
        rows = {name: n - before.get(name, 0) for name, n in after.items()}
        return Asked(row[0], {name: n for name, n in rows.items() if n}, cpu, seconds)

    def lists(self) -> list[tuple[str, Filters]]:
        """Of each list none, and each filter with much and with nothing to find."""
        plain = ("orders", "refunds", "customers", "cases", "webhooks", "subscriptions", "actions")
        of_money, of_the_rest = self._lists_of_money(), self._other_lists()
        return [(name, one) for name, many in of_money + of_the_rest for one in many] + [
            (name, {}) for name in (*plain, "cash_receipts")
        ]

    def _lists_of_money(self) -> list[tuple[str, tuple[Filters, ...]]]:
        large, usual = self.large, self.usual
        states = ("review", "expired", "refunded", "voided")
        return [
            ("orders", tuple({"status": [s]} for s in states)),
            ("orders", ({"gateway": "x"}, {"method": "x"}, {"product": "x"}, {"currency": "EUR"})),
            ("orders", ({"code": "NONE"}, {"live": True}, {"user": usual}, OLD, LATE)),
            ("orders", ({"status": ["review"], "gateway": "x"}, {"user": large})),
            ("orders", ({"user": large, "status": ["review"]}, {"user": large, "gateway": "x"})),
            ("refunds", ({"status": ["failed"]}, {"status": ["requested"]}, {"gateway": "x"})),
            ("refunds", ({"user": usual}, {"user": large, "gateway": "x"}, OLD)),
            ("customers", (OLD, LATE)),
            ("subscriptions", ({"status": ["past_due"]}, {"plan": "rare"}, {"gateway": "x"})),
            ("subscriptions", ({"user": usual}, {"currency": "x"}, {"live": True}, OLD)),
            ("cash_receipts", ({"state": "failed"}, {"state": "requested"}, {"state": "issued"})),
            ("entries", ({"user": large}, {"user": large, "kind": "expiry"})),
        ]

    def _other_lists(self) -> list[tuple[str, tuple[Filters, ...]]]:
        usual, actor, endpoint = self.usual, self.operator, self.endpoint
        return [
            ("cases", ({"kind": "wallet_full"}, {"gateway": "toss"}, {"order": "x"})),
            ("cases", ({"state": "resolved"}, {"state": "resolved", "kind": "ledger_unsound"})),
            ("webhooks", ({"outcome": "failed"}, {"outcome": "not_yet"}, {"outcome": "credited"})),
            ("webhooks", ({"gateway": "x"}, {"event": "rare"}, {"order": "ord_year000000000005"})),
            ("promotions", ({},)),
            ("codes", ({"promotion": "p1"},)),
            ("actions", ({"actor": actor}, {"actor": usual}, {"action": "orders_voided"})),
            ("actions", ({"subject": usual}, {"actor": actor, "action": "orders_voided"}, OLD)),
            ("deliveries", ({"endpoint": endpoint}, {"endpoint": endpoint, "state": "parked"})),
            ("deliveries", ({"endpoint": endpoint, "event": "evt_5"},)),
            ("deliveries", ({"endpoint": endpoint, "type": "x.y"},)),
        ]

    def things(self) -> list[tuple[str, str | None]]:
        """Lists what is looked at in full."""
        subscription = one(self.connection, "select md5('subscription 100')::uuid::text")
        return [
            *(("order", "ord_year000000050001"), ("customer", self.usual)),
            *(("customer", self.large), ("proof", self.usual), ("webhook", "7")),
            *(("subscription", subscription), ("endpoint", self.endpoint), ("delivery", "100")),
            *((name, None) for name in ("team", "catalogue", "settings", "exports", "me")),
        ]

    def _read(self) -> dict[str, int]:
        return dict(self.connection.execute(_READ).fetchall())
