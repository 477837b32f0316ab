"""The figures as a picture, which has no background and colours for a light page and a dark one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from tests.bench.report import amount, measured

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from tests.bench.bench import Bench
    from tests.bench.rows import Comparison, Row

_TEXT, _FAINT, _BAR, _TARGET = "#7d8590", "#7d859060", "#3b82f6", "#f59e0b"
_STYLE = {
    # Drawn again from the same figures, the file is the same.
    "svg.hashsalt": "coinslot",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _TEXT,
    "axes.edgecolor": _FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
    "ytick.left": False,
}
_WIDTH, _INCHES_PER_LINE = 9.0, 0.23


def draw(bench: Bench, file: Path) -> None:
    """Bars of how Coinslot's rate compares with each floor's, and a mark where a target was set."""
    rows = [row for row in bench.rows if row.unit == "per second"]
    lines = sum(len(row.measured) for row in rows)
    with mpl.rc_context(_STYLE):  # type: ignore[arg-type] # only some of the names
        figure = Figure(figsize=(_WIDTH, 0.9 + _INCHES_PER_LINE * lines), layout="constrained")
        _fill(figure.add_subplot(), rows)
        figure.suptitle(
            "How many times its floor's rate Coinslot reaches: median, lowest and highest round; "
            "orange: the target",
            fontsize=9,
        )
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})


def _fill(axes: Axes, rows: list[Row]) -> None:
    """Each row is a line with its title, and a line with a bar for each floor."""
    line, ticks, names = 0, [], []
    for row in rows:
        title = f"{row.title}: {measured(row, row.own)}"
        axes.text(0.003, line, title, transform=axes.get_yaxis_transform(), va="center")
        for place, comparison in enumerate(row.comparisons(), line + 1):
            _bar(axes, row, comparison, place)
            ticks.append(place)
            names.append(f"{comparison.other}, {measured(row, comparison.other)}")
        line += len(row.measured)
    axes.set_yticks(ticks, names)
    axes.set_ylim(line - 0.4, -0.8)
    axes.axvline(1, color=_FAINT, linewidth=1, zorder=0)


def _bar(axes: Axes, row: Row, comparison: Comparison, place: int) -> None:
    lowest, value, highest = min(comparison.rounds), comparison.value, max(comparison.rounds)
    axes.barh(place, value, height=0.62, color=_BAR)
    axes.plot([lowest, highest], [place, place], color=_TEXT, linewidth=1.5)
    if comparison.target is not None:
        axes.plot([comparison.target] * 2, [place - 0.42, place + 0.42], color=_TARGET, linewidth=2)
    right = max(highest, comparison.target or 0)
    axes.annotate(
        amount(row, value), (right, place), (4, 0), textcoords="offset points", va="center"
    )
