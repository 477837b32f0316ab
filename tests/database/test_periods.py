"""The ends of periods, against a calendar library: counted from the anchor, in the shop's zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.database.people import Bank

ZONES = ("Asia/Seoul", "UTC", "America/New_York", "Europe/London", "Pacific/Auckland")
EXAMPLES = 40
PERIODS = 40

_ENDS = """
select n, coinslot.period_at(%s, %s, %s, n) as ends,
  coinslot.period_of(%s, %s, %s, coinslot.period_at(%s, %s, %s, n)) as has_its_beginning,
  coinslot.period_of(%s, %s, %s, coinslot.period_at(%s, %s, %s, n + 1) - interval '1 microsecond')
  as has_its_last_moment
from generate_series(0, %s) n order by n
"""


def calendar(anchor: datetime, zone: str, every: str, number: int) -> datetime:
    """Of an hour that comes twice the later one; one that never comes is counted by the clock
    before it."""
    step = relativedelta(years=number) if every == "year" else relativedelta(months=number)
    local: datetime = anchor.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) + step
    there = local.replace(tzinfo=ZoneInfo(zone))
    offsets = [there.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1)]
    return (local - min(offsets)).replace(tzinfo=UTC)


def test_periods_are_those_of_the_calendar(bank: Bank) -> None:
    @given(
        anchor=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 - set below
        zone=st.sampled_from(ZONES),
        every=st.sampled_from(("month", "year")),
    )
    @settings(max_examples=EXAMPLES, deadline=None)
    def check(anchor: datetime, zone: str, every: str) -> None:
        begun = anchor.replace(tzinfo=UTC)
        terms = (begun, zone, every)
        for row in bank.rows(_ENDS, *terms * 5, PERIODS):
            assert row["ends"] == calendar(begun, zone, every, row["n"]), terms
            assert row["has_its_beginning"] == row["has_its_last_moment"] == row["n"], terms

    check()
