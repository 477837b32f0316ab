"""A year of daily refills in three time zones, played by a moved clock."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from tests.database.people import Bank, Call
from tests.support.clocks import Clock
from tests.support.clusters import Cluster

ZONES = ("America/New_York", "Asia/Seoul", "Pacific/Chatham")
YEAR = 2028
TOKENS = 5
SEED = 18


@pytest.fixture
def bank(clocked: tuple[Cluster, Clock]) -> Iterator[Bank]:
    cluster, _ = clocked
    with (
        cluster.clone(cluster.template("strict")) as name,
        closing(Bank(cluster.url(name))) as bank,
    ):
        yield bank


def test_nobody_has_two_refills_in_a_day_of_their_zone(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    """Each use spends one token and tells the balance. Half the uses are near a midnight."""
    _, clock = clocked
    uses = _uses()
    clock.set(uses[0][0])
    people = {zone: _person(bank, zone) for zone in ZONES}
    seen: dict[str, list[date]] = {zone: [] for zone in ZONES}
    left = dict.fromkeys(ZONES, 0)
    for at, zone in uses:
        clock.set(at)
        day = at.astimezone(ZoneInfo(zone)).date()
        if day not in seen[zone]:
            seen[zone].append(day)
            left[zone] = TOKENS
        if left[zone] == 0:
            continue
        left[zone] -= 1
        arguments = {"amount": 1, "idempotency_key": str(uuid4())}
        receipt = bank.ask(Call("spend_tokens", arguments, people[zone]))
        assert receipt["balance"] == left[zone], f"{zone}, {at}"
    for zone, person in people.items():
        granted = bank.rows(
            "select (period_start at time zone %s)::date as day from coinslot.refill_grants"
            " where user_id = %s order by 1",
            zone,
            person,
        )
        assert [row["day"] for row in granted] == seen[zone]
        assert 200 < len(seen[zone]) < 366  # some days are missed
    clock.let_run()
    assert not bank.audit()


def _uses() -> list[tuple[datetime, str]]:
    """In the order of time: some days with none, some with several, some at the very midnight."""
    chance = random.Random(SEED)  # noqa: S311 - not a secret
    uses: list[tuple[datetime, str]] = []
    for zone in ZONES:
        for number in range(366):
            day = date(YEAR, 1, 1) + timedelta(days=number)
            midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
            times = [0, 3600, chance.randrange(86400)]
            chosen = chance.sample(times, chance.choice((0, 1, 1, 2)))
            uses.extend((midnight + timedelta(seconds=seconds), zone) for seconds in chosen)
            if chance.randrange(4) == 0:
                uses.append((midnight - timedelta(seconds=1), zone))
    return sorted(uses)


def _person(bank: Bank, zone: str) -> UUID:
    """Somebody with a confirmed address, in a group whose days are those of the zone."""
    group = zone.split("/")[1].lower()
    bank.change("update coinslot.settings set signup_bonus = 0")
    rule = {"id": group, "tokens": TOKENS, "every": "day", "time_zone": zone, "group_name": group}
    bank.ask(Call("coinslot_set_refill", rule))
    person = uuid4()
    bank.change(
        "insert into auth.users (id, email, email_confirmed_at) values (%s, %s, now())",
        person,
        f"{group}@example.com",
    )
    bank.ask(Call("set_token_group_for", {"user_id": person, "group_name": group}))
    return person
