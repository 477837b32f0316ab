"""The figures, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.bench import Bench
    from tests.bench.rows import Comparison, Row

out = Console(highlight=False, soft_wrap=True)
# Wider than a terminal may be: a table that is cut is no use.
_WIDTH = 150
_VERDICTS = {None: "", True: "[green]met[/]", False: "[red]missed[/]"}


def show_row(row: Row) -> None:
    """As soon as it is known."""
    values = ", ".join(f"{name} {figure(row.median(name))}" for name in row.measured)
    out.print(f"{row.title} ({row.unit}): {values}", markup=False)


def show_all(bench: Bench) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("", "Coinslot", "beside", "", "median", "lowest, highest", "target", ""):
        right = heading in {"Coinslot", "median", "target"}
        table.add_column(heading, justify="right" if right else "left")
    judged = bench.effort.name == "full"
    for row in bench.rows:
        for number, comparison in enumerate(row.comparisons()):
            first = (row.title, measured(row, row.own)) if number == 0 else ("", "")
            table.add_row(*first, *_against(row, comparison, judged=judged))
    Console(highlight=False, width=_WIDTH).print(table)
    for name, value in bench.facts.items():
        out.print(f"{name}: {figure(value)}", markup=False)
    for row in bench.rows:
        for name, value in row.notes.items():
            out.print(f"{row.title}: {name} {figure(value)}", markup=False)


def _against(row: Row, comparison: Comparison, *, judged: bool) -> Sequence[str]:
    spread = (amount(row, min(comparison.rounds)), amount(row, max(comparison.rounds)))
    return (
        measured(row, comparison.other),
        comparison.other,
        amount(row, comparison.value),
        " to ".join(spread),
        limit(row, comparison),
        _VERDICTS[comparison.met if judged else None],
    )


def measured(row: Row, variant: str) -> str:
    """The median of a variant with its unit."""
    unit = {"per second": "/s", "ms": " ms", "MB": " MB"}[row.unit]
    return f"{figure(row.median(variant))}{unit}"


def amount(row: Row, value: float) -> str:
    """Of a comparison: times as much, or milliseconds more."""
    return f"{value:+.1f} ms" if row.unit == "ms" else f"{value:.2f}"


def limit(row: Row, comparison: Comparison) -> str:
    if comparison.target is None:
        return ""
    sign = "≥" if row.unit == "per second" else "≤"
    return f"{sign} {amount(row, comparison.target)}"


def figure(value: float) -> str:
    """Three digits that matter, or whole numbers."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def as_json(bench: Bench, machine: dict[str, object], problems: Sequence[str]) -> dict[str, Any]:
    return {
        "effort": bench.effort.name,
        "rounds": bench.effort.rounds,
        "machine": machine,
        "rows": [row.as_json() for row in bench.rows],
        "facts": {name: round(value, 3) for name, value in bench.facts.items()},
        "attacks": bench.attacks,
        "memory": [
            {"webhooks": webhooks, "sidecar_mb": round(mb, 1)} for webhooks, mb in bench.memory
        ],
        "problems": list(problems),
    }
