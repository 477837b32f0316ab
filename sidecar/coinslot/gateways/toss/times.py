"""Toss's times. One without a zone is Korea's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

KOREA = timezone(timedelta(hours=9))


def zoned(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=KOREA)


def in_seoul(moment: datetime) -> str:
    """As Toss takes a time: without a zone."""
    return moment.astimezone(KOREA).strftime("%Y-%m-%dT%H:%M:%S")


def utc(moment: datetime) -> str:
    """ISO 8601."""
    return zoned(moment).astimezone(UTC).isoformat()
