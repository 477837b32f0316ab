"""`python -m tests.renewals --subscribers 60 --months 12 --seed 1`: exits 1 where anything does not
add up."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Annotated

import typer

from devstack.foreground import stopped_by_signals
from tests.renewals.storm import RenewalStack, RenewalStorm
from tests.storm import plan
from tests.storm.report import out, show_offences, show_plan
from tests.storm.sabotage import RULES, break_rule
from tests.support.clusters import discard

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def main(
    *,
    subscribers: Annotated[int, typer.Option(min=3, help="How many.")] = 60,
    months: Annotated[int, typer.Option(min=2, help="Of each.")] = 12,
    seed: Annotated[int | None, typer.Option(help="Of an earlier storm, to see it again.")] = None,
    every: Annotated[int, typer.Option(min=5, help="Steps from one kill to the next.")] = 60,
    sabotage: Annotated[
        str | None, typer.Option(help=f"Break a rule first: {', '.join(RULES)}.")
    ] = None,
) -> None:
    """Charge stored cards at all gateways while everything fails, and see whether it adds up."""
    began = time.monotonic()
    seed = random.randrange(10**6) if seed is None else seed  # noqa: S311 - not secret
    steps = subscribers * months // 2
    strikes = [each for each in plan.strikes(seed, steps, every) if each.what != "cancels"]
    show_plan(seed, steps, strikes)
    stack = RenewalStack()
    try:
        with stopped_by_signals():
            stack.keep_own_log()
            stack.up()
            if sabotage is not None:
                break_rule(stack, sabotage)
            storm = RenewalStorm(stack, subscribers, months, strikes, seed)
            found = asyncio.run(storm.run())
            for name, number in sorted(storm.journal.counts.items()):
                out.print(f"{name}: {number}", markup=False)
            if found:
                show_offences(seed, storm.journal, found, storm.database)
    finally:
        discard(stack)
    out.print(f"{time.monotonic() - began:.0f} seconds in all")
    if found:
        raise typer.Exit(1)
    out.print("[green]Each period that was paid for was given once, and none was paid twice.[/]")


if __name__ == "__main__":
    app()
