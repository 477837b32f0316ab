"""Each report of a year of many payments takes less than the second that a call has, of the CPU."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.types.json import Jsonb

from devstack.postgres import SUPERUSER
from tests.reports.large_shop import cpu_of, fill, one, sum_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    from tests.support.clusters import Cluster

PAYMENTS = 300_000
SECOND = 1.0


@pytest.mark.proof
def test_a_year_by_day_takes_less_than_a_second(
    cluster: Cluster, record_property: Callable[[str, object], None]
) -> None:
    with (
        cluster.clone(cluster.template("strict")) as name,
        psycopg.connect(cluster.url(name, SUPERUSER), autocommit=True) as connection,
    ):
        fill(connection, "year.sql", payments=PAYMENTS, wallets=20_000)
        sum_up(connection)
        connection.execute("analyze")
        today = datetime.now(UTC).date()
        options = {"from": str(today - timedelta(days=364)), "to": str(today), "step": "day"}
        for report in one(connection, "select coinslot.report_names()"):
            for zone in ("Asia/Seoul", "Asia/Kolkata"):
                taken = min(_timed(connection, report, options | {"zone": zone}) for _ in range(3))
                record_property(f"seconds of {report} in {zone}", round(taken, 3))
                assert taken < SECOND, (report, zone)


def _timed(connection: Connection, report: str, options: dict[str, str]) -> float:
    begun = cpu_of(connection)
    made = one(connection, "select coinslot.make_report(%s, %s)", report, Jsonb(options))
    taken = cpu_of(connection) - begun
    if report in {"sales", "funnel", "tokens", "liability", "settlement"}:
        assert len({row["day"] for row in made["rows"]}) > 360
    return taken
