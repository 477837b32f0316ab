"""The backlog of the database as metrics: work that waits, and cases for a person.

The database is asked every few seconds, and never by a scrape: a scrape shows its last answer. An
old answer is not shown, since a backlog that stands still would look well.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client import Metric

    from coinslot.database import Database
    from coinslot.database.monitoring import DatabaseBacklog
    from coinslot.database.records import Record

REFRESH_SECONDS = 10.0
"""Seconds between two queries of the backlog, roughly."""
SECONDS_TO_TRUST = 4 * REFRESH_SECONDS

# What each counts: which list, which of its figures, how that is called, and what it tells.
_COUNTED = (
    ("payments", "due", "payments_due", "Orders that are due to be read again."),
    ("payments", "overdue_seconds", "payments_overdue_seconds", "Since the first of them was due."),
    ("webhooks", "waiting", "webhooks_waiting", "Webhooks that are not finished."),
    ("webhooks", "oldest_seconds", "webhooks_oldest_seconds", "Since the oldest of them came."),
    (
        *("webhooks", "overdue_seconds", "webhooks_overdue_seconds"),
        "Since the first of those that nobody has taken up was due.",
    ),
    ("refunds", "open", "refunds_open", "Refunds that are not over."),
    ("refunds", "oldest_seconds", "refunds_oldest_seconds", "Since the oldest was asked for."),
    ("closings", "waiting", "closings_waiting", "Orders that are over, to be closed at theirs."),
    ("closings", "overdue_seconds", "closings_overdue_seconds", "Since the first was due."),
    ("endpoints", "waiting", "events_waiting", "Events that are to be sent."),
    (
        *("endpoints", "overdue_seconds", "events_overdue_seconds"),
        "Since the first of those that nobody sends was due.",
    ),
    ("endpoints", "parked", "events_parked", "Events that are out of tries."),
    (
        *("endpoints", "failing_seconds", "endpoint_failing_seconds"),
        "Since when nothing has arrived at an endpoint.",
    ),
    ("reviews", "payments", "payments_in_review", "Orders that a person has to decide."),
    ("discrepancies", "open", "discrepancies_open", "What coinslot_list_discrepancies() lists."),
)


_LABELS = {"discrepancies": ["kind", "gateway"], "events": ["endpoint"], "endpoint": ["endpoint"]}


class BacklogMetrics:
    """A Prometheus collector. It is asked by the thread that serves the metrics."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._said: tuple[float, DatabaseBacklog] | None = None

    async def refresh(self) -> None:
        said = await self._database.as_service().get_backlog()
        self._said = (time.monotonic(), said)

    def collect(self) -> Iterator[Metric]:
        backlog = self._trusted()
        yield _gauge("database_up", "Whether the database answers.", int(backlog is not None))
        if backlog is not None:
            yield from _shown(backlog)

    def _trusted(self) -> DatabaseBacklog | None:
        if self._said is None:
            return None
        at, said = self._said
        return said if time.monotonic() - at < SECONDS_TO_TRUST else None


def _shown(backlog: DatabaseBacklog) -> Iterator[Metric]:
    for rows, figure, name, told in _COUNTED:
        yield _counted(getattr(backlog, rows), figure, name, told)
    yield _gauge("holds_open", "Holds that are open.", backlog.holds)
    if (ledger := backlog.ledger) is not None:
        yield _gauge(
            "ledger_unsound_wallets", "Wallets that did not add up when checked.", ledger.wallets
        )
        yield _gauge(
            "ledger_check_timestamp_seconds", "When all were last checked.", ledger.checked_at
        )


def _counted(rows: Sequence[Record], figure: str, name: str, told: str) -> Metric:
    labels = _LABELS.get(name.partition("_")[0], ["gateway"])
    family = GaugeMetricFamily(f"coinslot_{name}", told, labels=labels)
    for row in rows:
        family.add_metric([getattr(row, label) for label in labels], getattr(row, figure) or 0)
    return family


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(f"coinslot_{name}", told, value=value)
