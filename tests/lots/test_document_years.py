"""Receipts are numbered by the seller's year, which begins at another moment than UTC's."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.database.people import Bank, gateway_says

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.clocks import Clock
    from tests.support.clusters import Cluster


@pytest.fixture
def bank(clocked: tuple[Cluster, Clock]) -> Iterator[Bank]:
    cluster, _ = clocked
    with (
        cluster.clone(cluster.template("strict")) as name,
        closing(Bank(cluster.url(name))) as bank,
    ):
        yield bank


def test_a_year_begins_where_the_seller_is(bank: Bank, clocked: tuple[Cluster, Clock]) -> None:
    _, clock = clocked
    numbers = []
    for zone, at in (
        ("Asia/Seoul", datetime(2028, 12, 31, 14, 59, 59, tzinfo=UTC)),
        ("Asia/Seoul", datetime(2028, 12, 31, 15, 0, 0, tzinfo=UTC)),
        ("Asia/Seoul", datetime(2028, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("America/New_York", datetime(2029, 1, 1, 4, 59, 59, tzinfo=UTC)),
        ("America/New_York", datetime(2029, 1, 1, 5, 0, 0, tzinfo=UTC)),
    ):
        clock.set(at)
        bank.change("update coinslot.settings set time_zone = %s", zone)
        order_id = bank.order(bank.user())
        bank.ask(gateway_says(order_id, 1, paid=5000))
        [found] = bank.rows("select number from token_documents where order_id = %s", order_id)
        numbers.append(found["number"].removeprefix("TEST-"))
    assert numbers == [
        "R2028-000001",
        "R2029-000001",
        "R2029-000002",
        "R2028-000002",
        "R2029-000003",
    ]
    assert not bank.audit()
