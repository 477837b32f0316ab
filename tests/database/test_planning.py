"""Calls that are made all the time plan none of their statements anew.

Postgres keeps a plan for all values of a statement, unless one for the values at hand is so much
cheaper that it is worth making each time: then that costs more than the statement does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count

import psycopg
import pytest
from psycopg.rows import dict_row

from devstack.postgres import SUPERUSER
from tests.database.people import (
    Bank,
    Call,
    Connection,
    capture,
    create_order,
    gateway_says,
    hint,
    hold,
    refund_spend,
    release,
    spend,
    spend_for,
)
from tests.support.clusters import Cluster

# Five times Postgres plans for the values, then it compares.
_UNTIL_DECIDED = 8
_JUDGED = 3

Work = Callable[[str], list[Call]]
"""A piece of work as calls that were not made before; the key is of no other."""


class Planner:
    """A connection that hears of each statement inside a function that is planned."""

    def __init__(self, url: str) -> None:
        self.connection: Connection = psycopg.connect(url, row_factory=dict_row, autocommit=True)
        self.connection.add_notice_handler(self._hear)
        self.connection.execute("set client_min_messages = log")
        self._planned: list[str] = []

    def planned(self, calls: list[Call]) -> list[str]:
        """The places of what these calls planned."""
        self._planned.clear()
        for call in calls:
            with self.connection.transaction():
                # Only a superuser may, and the call changes the role.
                self.connection.execute("set local log_planner_stats = on")
                call.inside(self.connection)
        return list(self._planned)

    def _hear(self, notice: psycopg.errors.Diagnostic) -> None:
        place = re.match(r".*?(PL/pgSQL function \S+?)\(.*? (line \d+)", notice.context or "", re.S)
        if notice.message_primary == "PLANNER STATISTICS" and place:
            self._planned.append(f"{place[1]} {place[2]}")


@pytest.fixture(scope="module")
def here(cluster: Cluster) -> Iterator[tuple[Bank, Planner]]:
    with cluster.clone(cluster.template("strict")) as name:
        planner = Planner(cluster.url(name, SUPERUSER))
        with closing(Bank(cluster.url(name))) as bank, closing(planner.connection):
            yield bank, planner


def _spends(bank: Bank) -> Work:
    user = bank.user(1_000)
    return lambda key: [spend(user, 1, key)]


def _returns(bank: Bank) -> Work:
    user = bank.user(1_000)
    return lambda key: [spend_for(user, 2, key), refund_spend(user, f"{key} back", key)]


def _holds(bank: Bank) -> Work:
    user = bank.user(1_000)

    def work(key: str) -> list[Call]:
        held = [bank.ask(hold(user, 2, f"{key} {each}"))["id"] for each in "ab"]
        return [hold(user, 2, key), capture(held[0], 1), release(held[1])]

    return work


def _orders(bank: Bank) -> Work:
    return lambda _: [create_order(bank.user(), None)]


def _credits(bank: Bank) -> Work:
    def work(_: str) -> list[Call]:
        order_id = bank.order(bank.user())
        return [hint(order_id, None), gateway_says(order_id, 1, paid=5000, method="card")]

    return work


@pytest.mark.parametrize("begin", [_spends, _returns, _holds, _orders, _credits])
def test_a_call_made_all_the_time_plans_nothing_anew(
    here: tuple[Bank, Planner], begin: Callable[[Bank], Work]
) -> None:
    bank, planner = here
    work, keys = begin(bank), (f"{begin.__name__} {number}" for number in count())
    first = planner.planned(work(next(keys)))
    assert first
    for _ in range(_UNTIL_DECIDED):
        planner.planned(work(next(keys)))
    again = [set(planner.planned(work(next(keys)))) for _ in range(_JUDGED)]
    assert not set.intersection(*again)
