"""A shop that has been played, or is about to be, and what tests ask its reports."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from psycopg.types.json import Jsonb

from tests.database.people import Bank, Call, maintain
from tests.reports.played_year import Year
from tests.support.sizes import sized

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from tests.support.clocks import Clock
    from tests.support.clusters import Cluster

SEED = 21
DAYS = sized(45, proofs=365)
ZONES = ("Asia/Seoul", "UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns")


@pytest.fixture
def bank(clocked: tuple[Cluster, Clock]) -> Iterator[Bank]:
    cluster, clock = clocked
    with (
        cluster.clone(cluster.template("strict")) as name,
        closing(Bank(cluster.url(name))) as bank,
    ):
        yield bank
        clock.let_run()


def report(bank: Bank, owner: UUID, name: str, **options: str) -> dict[str, Any]:
    call = Call("token_console_report", {"report": name, "options": Jsonb(options)}, owner)
    answer: dict[str, Any] = bank.ask(call)["token_console_report"]
    return answer


def summed(bank: Bank) -> None:
    """Until a whole round of the wallets that began now is over."""
    for _ in range(2):
        while True:
            bank.ask(maintain())
            [row] = bank.rows("select walk_began_at from coinslot.report_progress")
            if row["walk_began_at"] is None:
                break


@pytest.fixture
def year(bank: Bank, clocked: tuple[Cluster, Clock]) -> Year:
    played = Year(bank, clocked[1], random.Random(SEED))  # noqa: S311 - the same each time
    played.begin()
    for _ in range(DAYS):
        played.day()
    return played


def days(year: Year, zone: str, facts: list[tuple[datetime, Any]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for at, amount in facts:
        found[at.astimezone(ZoneInfo(zone)).date().isoformat()] += amount
    return Counter({day: n for day, n in found.items() if n})


def column(rows: list[dict[str, Any]], name: str) -> Counter[str]:
    return Counter({row["day"]: row[name] for row in rows if row[name]})


def span(year: Year, zone: str) -> dict[str, str]:
    end = year.now.astimezone(ZoneInfo(zone)).date()
    return {"from": "2027-01-01", "to": end.isoformat(), "zone": zone}
