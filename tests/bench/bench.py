"""The tools of every part of the benchmark."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, LiteralString

from tests.bench.invariants import Check
from tests.bench.report import show_row

if TYPE_CHECKING:
    import asyncio

    from tests.bench.effort import Effort
    from tests.bench.http import Act, Load
    from tests.bench.rows import Row
    from tests.bench.stack import BenchStack


@dataclass
class Bench:
    stack: BenchStack
    effort: Effort
    runner: asyncio.Runner
    rows: list[Row] = field(default_factory=list)
    facts: dict[str, float] = field(default_factory=dict)
    """Figures that have no floor: sizes, times."""
    attacks: list[dict[str, Any]] = field(default_factory=list)
    """Times of a stranger, idle and under each attack."""
    memory: list[tuple[int, float]] = field(default_factory=list)
    """The sidecar's, in MB, after so many webhooks."""
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    """The number of times each thing was done in each database, as its caller counted."""
    credited: int = 0
    """Orders that webhooks told of."""
    checks: list[Check] = field(default_factory=list)
    """The sums that the databases have to come to in the end."""

    def turn(self, load: Load, act: Act) -> float:
        """The rate of `act` a second over HTTP, in one turn."""
        return self.runner.run(load.turn(act, self.effort.http_seconds))

    def show(self, row: Row) -> None:
        self.rows.append(row)
        show_row(row)

    def expect(self, database: str, what: str, query: LiteralString, number: int) -> None:
        self.checks.append(Check(database, what, query, number))
