"""A Postgres server whose clock stands still, for all tests of lots in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clocks import Clock, running_with_clock
from tests.support.clusters import Cluster


@pytest.fixture(scope="session")
def clocked() -> Iterator[tuple[Cluster, Clock]]:
    with running_with_clock("clocked") as (cluster, clock):
        yield cluster, clock
        clock.let_run()
