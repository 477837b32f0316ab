"""Each page of a list looks at so many rows and no more, whatever is filtered for.

A session of PostgREST's keeps its plans, and after some calls takes one for any value: a filter
that finds little, or a wallet that has much, must not be read as if it were the usual one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest

from devstack.postgres import SUPERUSER
from tests.reports import large_shop
from tests.reports.large_shop import Shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.clusters import Cluster

PAYMENTS = 100_000
MOST_ROWS = 13_000
"""Three times what a call walks: orders are walked again for where the next call goes on."""
HUNDRED_MS = 0.1
pytestmark = pytest.mark.timeout(1200)
PLANS = ("force_custom_plan", "force_generic_plan")


@pytest.fixture(scope="module")
def grown(cluster: Cluster) -> Iterator[Shop]:
    with (
        cluster.clone(cluster.template("strict")) as name,
        psycopg.connect(cluster.url(name, SUPERUSER), autocommit=True) as connection,
    ):
        for file in ("year.sql", "lists.sql"):
            large_shop.fill(connection, file, payments=PAYMENTS, wallets=20_000)
        connection.execute("vacuum analyze")
        yield Shop.of(connection)


@pytest.mark.proof
@pytest.mark.parametrize("plans", PLANS)
def test_a_page_of_any_list_takes_as_much_as_any_other(
    grown: Shop, record_property: Callable[[str, object], None], plans: str
) -> None:
    grown.connection.execute(f"set plan_cache_mode = {plans}".encode())
    for name, filters in grown.lists():
        asked = [grown.asks(large_shop.PAGE, name, json.dumps(filters), None) for _ in range(3)]
        rows, taken = asked[0].rows, min(each.cpu for each in asked)
        record_property(f"milliseconds of {name} {filters}", round(1000 * taken, 1))
        assert sum(rows.values()) < MOST_ROWS, (name, filters, rows)
        assert taken < HUNDRED_MS, (name, filters, taken)


@pytest.mark.proof
@pytest.mark.parametrize("plans", PLANS)
def test_what_is_looked_at_in_full_reads_what_belongs_to_it(grown: Shop, plans: str) -> None:
    grown.connection.execute(f"set plan_cache_mode = {plans}".encode())
    for what, of in grown.things():
        asked = grown.asks(large_shop.GET, what, of)
        assert sum(asked.rows.values()) < MOST_ROWS / 10, (what, asked.rows)
        assert asked.cpu < HUNDRED_MS, (what, asked.cpu)
    for q in (*large_shop.SEARCHED, grown.large):
        rows = grown.asks(large_shop.SEARCH, q).rows
        assert sum(rows.values()) < MOST_ROWS / 10, (q, rows)


@pytest.mark.proof
@pytest.mark.parametrize("plans", PLANS)
def test_a_page_of_a_file_takes_as_much_as_a_page_of_its_list(
    grown: Shop, record_property: Callable[[str, object], None], plans: str
) -> None:
    grown.connection.execute(f"set plan_cache_mode = {plans}".encode())
    for name in large_shop.EXPORTS:
        asked = grown.asks(large_shop.BEGIN_EXPORT, name, f"{plans} {name}")
        begun, after = asked.answer["answer"]["id"], None
        for _ in range(3):
            asked = grown.asks(large_shop.EXPORT, json.dumps({"export": begun}), after)
            record_property(f"milliseconds of a file of {name}", round(1000 * asked.cpu, 1))
            assert asked.answer["items"]
            assert sum(asked.rows.values()) < MOST_ROWS, (name, asked.rows)
            assert asked.cpu < 3 * HUNDRED_MS, (name, asked.cpu)
            after = asked.answer["next"]
        grown.asks("select token_console_act('remove_export', %s, 'r', %s)", begun, begun)
