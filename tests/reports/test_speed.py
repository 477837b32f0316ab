"""Each report of a year of many payments is answered within the second that a call has."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest
from psycopg.types.json import Jsonb

from devstack.postgres import SUPERUSER

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    from tests.support.clusters import Cluster

PAYMENTS = 300_000
SECOND = 1.0
YEAR = (Path(__file__).parent / "year.sql").read_text(encoding="utf-8")


@pytest.mark.proof
def test_a_year_by_day_takes_less_than_a_second(
    cluster: Cluster, record_property: Callable[[str, object], None]
) -> None:
    with (
        cluster.clone(cluster.template("strict")) as name,
        psycopg.connect(cluster.url(name, SUPERUSER), autocommit=True) as connection,
    ):
        connection.execute(YEAR.replace("%(payments)s", str(PAYMENTS)).encode())
        _sum_up(connection)
        connection.execute("analyze")
        today = datetime.now(UTC).date()
        options = {"from": str(today - timedelta(days=364)), "to": str(today), "step": "day"}
        [reports] = _row(connection, "select coinslot.report_names()")
        for report in reports:
            for zone in ("Asia/Seoul", "Asia/Kolkata"):
                taken = min(_timed(connection, report, options | {"zone": zone}) for _ in range(3))
                record_property(f"seconds of {report} in {zone}", round(taken, 3))
                assert taken < SECOND, (report, zone)


def _sum_up(connection: Connection) -> None:
    while _row(connection, "select coinslot.sum_moves(20000)")[0]:
        pass
    while _row(connection, "select coinslot.sum_orders(5000)")[0]:
        pass


def _timed(connection: Connection, report: str, options: dict[str, str]) -> float:
    begun = time.perf_counter()
    [made] = _row(connection, "select coinslot.make_report(%s, %s)", report, Jsonb(options))
    taken = time.perf_counter() - begun
    if report in {"sales", "funnel", "tokens", "liability"}:
        assert len({row["day"] for row in made["rows"]}) > 360
    return taken


def _row(connection: Connection, query: LiteralString, *values: object) -> tuple[Any, ...]:
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return tuple(row)
