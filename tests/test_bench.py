"""The benchmark works: every row is measured, and the books add up. No figure is judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devstack.settings import ROOT
from tests.bench import page
from tests.bench.rows import Row
from tests.bench.turns import alternate, percentile

ROWS = {
    *("spend_random", "spend_hot", "hold_capture", "apply_payment"),
    *("http_1", "http_16", "http_64", "http_hot", "history"),
    *("webhook", "webhook_again", "checkout", "growth", "memory"),
}
FACTS = {"bytes per ledger entry", "entries in the largest ledger"}


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_measures_every_row_and_leaves_sound_books(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.bench", "--quick", "--folder", str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report = json.loads((tmp_path / "results.json").read_text())
    assert report["problems"] == []
    _assert_complete(report)
    chart = (tmp_path / "results.svg").read_text()
    assert all(row["title"] in chart for row in report["rows"] if row["unit"] == "per second")


def test_the_docs_show_figures_of_a_whole_run() -> None:
    report = json.loads((ROOT / "tests/bench/results.json").read_text())
    assert report["effort"] != "quick"
    assert report["problems"] == []
    _assert_complete(report)
    assert all(len(values) >= 5 for row in report["rows"] for values in row["rounds"].values())
    assert page.section(report) in (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")


def _assert_complete(report: dict[str, Any]) -> None:
    assert {row["key"] for row in report["rows"]} == ROWS
    for row in report["rows"]:
        assert len(row["median"]) > 1, row
        assert all(value > 0 for value in row["median"].values()), row
        assert len(row["comparisons"]) == len(row["median"]) - 1
    assert report["facts"].keys() >= FACTS
    for attack in report.get("attacks", []):
        assert attack["acts"].keys() >= {"balance", "spend", "checkout"}, attack
        assert attack["answers"], attack
    assert all(point["sidecar_mb"] > 0 for point in report["memory"])


def test_variants_take_turns_there_and_back() -> None:
    played: list[str] = []

    def turn(name: str, value: float) -> float:
        played.append(name)
        return value + len(played)

    measured = alternate(2, {"a": lambda: turn("a", 0), "b": lambda: turn("b", 10)})
    assert "".join(played) == "abbaabba"
    assert measured == {"a": [2.5, 6.5], "b": [12.5, 16.5]}


@pytest.mark.parametrize(
    ("unit", "target", "value", "met"),
    [
        ("per second", 0.8, 0.8, True),
        ("per second", 0.81, 0.8, False),
        ("MB", 0.8, 0.8, True),
        ("MB", 0.79, 0.8, False),
        ("ms", -20.0, -20.0, True),
        ("ms", -20.1, -20.0, False),
    ],
)
def test_judges_by_the_median_of_the_rounds(
    unit: Any,  # noqa: ANN401 - one of rows.Unit
    target: float,
    value: float,
    met: bool,
) -> None:
    measured = {"ours": [80.0, 80.0, 1.0], "theirs": [100.0, 100.0, 100.0]}
    [comparison] = Row("key", "title", unit, measured, {"theirs": target}).comparisons()
    assert (comparison.value, comparison.met) == (value, met)


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([5.0, 1.0, 3.0], 0.5) == 3
    assert percentile([float(n) for n in range(1000)], 0.99) == 990
    assert percentile([7.0], 0.99) == 7
