"""One database for each module: its tests meet in it as strangers, each with users of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.database.people import Bank
from tests.support.clusters import Cluster


@pytest.fixture(scope="module")
def bank(cluster: Cluster) -> Iterator[Bank]:
    with (
        cluster.clone(cluster.template("strict")) as name,
        closing(Bank(cluster.url(name))) as bank,
    ):
        yield bank
