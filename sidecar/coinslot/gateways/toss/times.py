"""Toss's times. One without a zone is Korea's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

KOREA = timezone(timedelta(hours=9))


def zoned(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=KOREA)


def utc(moment: datetime) -> str:
    """ISO 8601."""
    return zoned(moment).astimezone(UTC).isoformat()
