"""`python -m tests.bench`: measure, print, write; exits 1 only where the books do not add up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from devstack.foreground import stopped_by_signals
from devstack.settings import ROOT
from tests.bench import chart, funnel, growth, history, memory, page, postgrest, spending, strangers
from tests.bench.bench import Bench
from tests.bench.effort import FULL, QUICK
from tests.bench.invariants import PURCHASES, problems
from tests.bench.machine import description
from tests.bench.report import as_json, out, show_all
from tests.bench.stack import BenchStack
from tests.support.clusters import discard

HERE = Path(__file__).parent
DOCS = ROOT / "docs"
app = typer.Typer(pretty_exceptions_enable=False)

# What is timed to the millisecond comes before the long fills.
_PARTS: dict[str, Callable[[Bench], None]] = {
    "spending": spending.measure,
    "postgrest": postgrest.measure,
    "history": history.measure,
    "funnel": funnel.measure,
    "growth": growth.measure,
    "memory": memory.measure,
    "attacks": strangers.measure,
}


@app.command()
def main(
    *,
    quick: Annotated[bool, typer.Option(help="A little of everything, judging nothing.")] = False,
    rows: Annotated[int | None, typer.Option(min=2, help="In the largest ledger.")] = None,
    webhooks: Annotated[int | None, typer.Option(min=20, help="For the memory.")] = None,
    only: Annotated[str, typer.Option(help=f"Of {','.join(_PARTS)}.")] = ",".join(_PARTS),
    folder: Annotated[Path | None, typer.Option(help="Where the results go.")] = None,
) -> None:
    """Measure Coinslot beside its floors on a stack of its own."""
    effort = QUICK if quick else FULL
    if rows:
        smaller = (entries for entries in effort.entries if entries < rows)
        effort = replace(effort, entries=(*smaller, rows))
    effort = replace(effort, webhooks=webhooks or effort.webhooks)
    whole = not quick and set(only.split(",")) == set(_PARTS)
    folder = folder or (HERE if whole else ROOT / ".bench")
    folder.mkdir(parents=True, exist_ok=True)
    stack = BenchStack()
    try:
        with stopped_by_signals(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = _measure(Bench(stack, effort, runner), only.split(","), folder)
    finally:
        discard(stack)
    for problem in found:
        out.print(problem, style="red", markup=False)
    if found:
        raise typer.Exit(1)
    out.print("[green]The books add up.[/]")


def _measure(bench: Bench, parts: list[str], folder: Path) -> list[str]:
    bench.stack.up()
    postgrest.prepare(bench)
    for part in parts:
        _PARTS[part](bench)
    bench.expect(postgrest.DATABASE, "purchases", PURCHASES, bench.credited)
    found = problems(bench)
    show_all(bench)
    report = as_json(bench, description(bench), found)
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    (folder / "results.json").write_text(text, encoding="utf-8")
    picture = DOCS / "images/benchmarks.svg" if folder == HERE else folder / "results.svg"
    chart.draw(bench, picture)
    out.print(f"written: {folder / 'results.json'}, {picture}", markup=False)
    if folder == HERE:
        page.update(DOCS / "benchmarks.md", report)
    return found


if __name__ == "__main__":
    app()
