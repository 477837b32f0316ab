"""Waits of clients, and the answers they got, by operation."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from rich.table import Table

from tests.storm.client import Client, Said

if TYPE_CHECKING:
    from tests.storm.journal import Journal
    from tests.support.stacks import LocalStack

# What a server may say while another is restarted: the gateway, the database or a neighbour is
# away, or nobody has answered. A bare 500 is none of them.
DECLARED = {"no answer", "502", "503", "504"}


class Meter:
    def __init__(self) -> None:
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        """Of every answer, errors included, as far as there was one."""
        self.failed: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """By status, and of a 500 by its code as well."""
        self.retries: Counter[str] = Counter()

    def note(self, operation: str, said: Said, seconds: float) -> None:
        self.retries[operation] += said.doubtful
        if said.status:
            self.seconds[operation].append(seconds)
        if not said.known:
            self.failed[operation][_failure(said)] += 1

    def requests(self) -> int:
        return sum(map(len, self.seconds.values()))

    def undeclared(self) -> dict[str, int]:
        """Failures of a kind that no restart explains, and how many."""
        found = self._all_failed()
        return {kind: number for kind, number in found.items() if kind not in DECLARED}

    def table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for title in ("operation", "answers", "failed", "retries", "p50 ms", "p99 ms"):
            table.add_column(title, justify="left" if title in {"operation", "failed"} else "right")
        everything = [each for seconds in self.seconds.values() for each in seconds]
        for operation, seconds in [*sorted(self.seconds.items()), ("all", everything)]:
            failed = self.failed[operation] if operation != "all" else self._all_failed()
            retries = self.retries[operation] or (operation == "all" and self.retries.total())
            told = ", ".join(f"{number} of {kind}" for kind, number in failed.items())
            waited = [f"{percentile(seconds, p) * 1000:.0f}" for p in (50, 99)]
            table.add_row(operation, str(len(seconds)), told or "0", str(int(retries)), *waited)
        return table

    def _all_failed(self) -> Counter[str]:
        return sum(self.failed.values(), Counter())


class MeteredClient(Client):
    def __init__(self, stack: LocalStack, address: str, journal: Journal, meter: Meter) -> None:
        super().__init__(stack, [address], journal)
        self._meter = meter

    async def _once(
        self, where: str, path: str, body: object, headers: dict[str, str], *, doubtful: bool
    ) -> Said:
        began = time.perf_counter()
        said = await super()._once(where, path, body, headers, doubtful=doubtful)
        self._meter.note(_operation(path, body), said, time.perf_counter() - began)
        return said


def percentile(values: list[float], percent: int) -> float:
    """The value that so many percent are not above; 0 of none."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) * percent // 100] if ordered else 0.0


def _failure(said: Said) -> str:
    code = said.body.get("code") if said.status == 500 else None
    return f"{said.status} {code}" if code else str(said.status or "no answer")


def _operation(path: str, body: object) -> str:
    method = "GET" if body is None else "POST"
    return f"{method} {re.sub('ord[A-Za-z0-9_-]{12,}', '{order}', path.partition('?')[0])}"
