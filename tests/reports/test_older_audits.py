"""Audits that an earlier release made: after an upgrade each time of a gateway counts once, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from devstack.postgres import SUPERUSER
from tests.releases.databases import at_release, push

if TYPE_CHECKING:
    from tests.support.clusters import Cluster

# A payment of each mode, the day of each, an hour of the first day once more, and one that was not
# finished.
_BEFORE = """
set session_replication_role = replica;
insert into auth.users (id, instance_id, aud, role, email)
values (md5('buyer')::uuid, md5('')::uuid, 'authenticated', 'authenticated', 'buyer@example.com');
insert into public.token_payments (
  id, order_id, user_id, product_id, name, gateway, amount, currency, tokens, live, status,
  paid, created_at, updated_at, confirmed_at, expires_at
)
select md5(n::text)::uuid, 'ord_before0000000000' || n, md5('buyer')::uuid, 'starter', 'x',
  'portone', 5000, 'KRW', 10, n = 2, 'completed', 5000, d.at, d.at, d.at, d.at
from (values (1, timestamptz '2026-03-01 10:00Z'), (2, '2026-03-02 10:00Z')) d (n, at);
insert into coinslot.audits (gateway, since, until, ended_at, finished_at) values
('portone', '2026-03-01Z', '2026-03-02Z', '2026-03-02Z', '2026-03-02Z'),
('portone', '2026-03-01 10:00Z', '2026-03-01 11:00Z', '2026-03-01Z', '2026-03-01Z'),
('portone', '2026-03-02Z', '2026-03-03Z', '2026-03-03Z', '2026-03-03Z'),
('portone', '2026-03-01Z', '2026-03-03Z', '2026-03-04Z', null);
insert into coinslot.audit_lines (
  audit_id, payment_key, order_id, currency, moved_at, paid, refunded, our_paid, our_refunded,
  verdict
)
select a.id, 'key ' || a.id, '', 'KRW', greatest(a.since, '2026-03-01 10:20Z'),
  1000 * a.id, 0, 0, 0, 'unknown'
from coinslot.audits a;
set session_replication_role = origin;
"""


def test_each_time_counts_once_after_an_upgrade(cluster: Cluster) -> None:
    with at_release(cluster, "0.1.0") as name:
        url = cluster.url(name, SUPERUSER)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_BEFORE)
            ids = [
                row[0] for row in connection.execute("select id from coinslot.audits order by id")
            ]
        push(cluster, name)
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
            assert _settled(connection, live=False) == [("2026-03-01", 1, 1000 * ids[0])]
            assert _settled(connection, live=True) == [("2026-03-02", 1, 1000 * ids[2])]


def _settled(
    connection: psycopg.Connection[dict[str, Any]], *, live: bool
) -> list[tuple[Any, ...]]:
    options = {"from": "2026-03-01", "to": "2026-03-03", "zone": "UTC", "live": live}
    row = connection.execute(
        "select coinslot.make_report('settlement', %s) as made", [Jsonb(options)]
    ).fetchone()
    assert row is not None
    return [(each["day"], each["payments"], each["their_paid"]) for each in row["made"]["rows"]]
