"""The tests of SQL on days on which months and years end: what counts by months is odd there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.support import pgtap
from tests.support.clocks import Clock
from tests.support.clusters import Cluster
from tests.test_sql import FILES, PRIVILEGES

# The longest months before shorter ones, a leap day, both ends of a year, both changes of the hour.
_DAYS = ((1, 30), (1, 31), (2, 29), (3, 28), (5, 31), (10, 31), (12, 1), (12, 31))
_LEAP = 2028


@pytest.fixture
def ahead(clocked: tuple[Cluster, Clock]) -> Iterator[tuple[Cluster, Clock]]:
    yield clocked
    _, clock = clocked
    clock.let_run()


@pytest.mark.proof
@pytest.mark.parametrize("day", _DAYS, ids=lambda day: "{:02}-{:02}".format(*day))
@pytest.mark.parametrize(
    "file",
    [file for file in FILES if file.name != PRIVILEGES],
    ids=lambda file: file.name.removesuffix(".test.sql"),
)
def test_sql_holds_on_any_day(
    ahead: tuple[Cluster, Clock], file: Path, day: tuple[int, int]
) -> None:
    cluster, clock = ahead
    template = cluster.pgtap_template("strict")
    with cluster.clone(template) as database:
        clock.let_run(days_ahead=(date(_LEAP, *day) - datetime.now(UTC).date()).days)
        result = pgtap.run(cluster, file, database)
    assert not result.problems, "\n".join([*result.problems, "", result.output])
