"""pg_cron, where it is installed: the database expires orders by itself."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg
import pytest

from devstack.postgres import SUPERUSER
from devstack.settings import ROOT
from tests.support import clusters
from tests.support.clusters import DEBIAN_15

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.clusters import Cluster

# It runs on the minute.
_SECONDS = 75
_OVERDUE = """
insert into token_payments
  (user_id, product_id, name, gateway, amount, currency, tokens, live, expires_at)
values (%s, 'starter', 'Starter Pack', 'portone', 5000, 'KRW', 10, false, now())
returning id
"""


@pytest.fixture(scope="module")
def with_cron() -> Iterator[psycopg.Connection]:
    """A migrated database of a Postgres 15 that has pg_cron loaded, installed after Coinslot."""
    if not (DEBIAN_15.parent / "lib" / "pg_cron.so").exists():
        message = "pg_cron is not there: install the package postgresql-15-cron"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    with clusters.running("postgres-15-cron", DEBIAN_15) as cluster:
        database = cluster.template("strict")
        _load(cluster, database)
        with psycopg.connect(cluster.url(database, SUPERUSER), autocommit=True) as connection:
            connection.execute("create extension pg_cron")
            yield connection


def _load(cluster: Cluster, database: str) -> None:
    configuration = cluster.placement.data_dir / "postgresql.auto.conf"
    with configuration.open("a", encoding="utf-8") as file:
        file.write(
            "shared_preload_libraries = 'pg_cron'\n"
            f"cron.database_name = '{database}'\n"
            "cron.use_background_workers = on\n"
        )
    cluster.restart()


@pytest.fixture
def overdue(with_cron: psycopg.Connection) -> UUID:
    """An order whose time has run out, and nobody but the database to notice."""
    buyer = uuid4()
    with_cron.execute("insert into auth.users (id, email) values (%s, %s)", [buyer, f"{buyer}@a.b"])
    [order] = with_cron.execute(_OVERDUE, [buyer]).fetchall()
    for _ in range(2):
        scheduled = with_cron.execute("select coinslot.schedule_maintenance()").fetchone()
        assert scheduled == (True,)
    return UUID(str(order[0]))


@pytest.mark.proof
def test_what_is_scheduled_once_every_minute_expires_orders(
    with_cron: psycopg.Connection, overdue: UUID
) -> None:
    """The row of pg_cron's table, carried out at once: as its user, and nothing but it."""
    [job] = with_cron.execute(
        "select schedule, command, username, active, database = current_database() from cron.job"
    ).fetchall()
    schedule, command, owner, *rest = job
    assert (schedule, *rest) == ("* * * * *", True, True)
    with with_cron.transaction():
        with_cron.execute("select set_config('role', %s, true)", [owner])
        with_cron.execute(command)
    assert _status(with_cron, overdue) == "expired"


@pytest.mark.proof
@pytest.mark.timeout(_SECONDS + 60)
def test_orders_expire_without_a_sidecar(with_cron: psycopg.Connection, overdue: UUID) -> None:
    give_up = time.monotonic() + _SECONDS
    while _status(with_cron, overdue) != "expired":
        assert time.monotonic() < give_up, with_cron.execute(
            "select status, return_message from cron.job_run_details"
        ).fetchall()
        time.sleep(0.1)


def _status(connection: psycopg.Connection, order: UUID) -> str:
    [found] = connection.execute(
        "select status from token_payments where id = %s", [order]
    ).fetchall()
    return str(found[0])


def test_leaving_ends_the_job(with_cron: psycopg.Connection) -> None:
    """The last test: the database is without Coinslot afterwards."""
    with_cron.execute("select coinslot.schedule_maintenance()")
    jobs = "select jobname from cron.job"
    assert with_cron.execute(jobs).fetchall() == [("coinslot maintenance",)]
    with_cron.execute((ROOT / "supabase/uninstall.sql").read_bytes())
    assert with_cron.execute(jobs).fetchall() == []
