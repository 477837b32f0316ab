"""`python -m tests.storm --purchases 2000 --seed 1`: exits 1 where anything does not add up, or
where a storm of some size has not brought everything it is to bring."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Annotated

import typer

from devstack.foreground import stopped_by_signals
from tests.storm import plan
from tests.storm.coverage import ENOUGH, absent
from tests.storm.report import out, show_figures, show_offences, show_plan
from tests.storm.sabotage import RULES, break_rule
from tests.storm.storm import Storm
from tests.storm.verdict import Offence
from tests.storm.world import StormStack
from tests.support.clusters import discard

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def main(
    *,
    purchases: Annotated[int, typer.Option(min=1, help="How many.")] = 2000,
    seed: Annotated[int | None, typer.Option(help="Of an earlier storm, to see it again.")] = None,
    every: Annotated[int, typer.Option(min=5, help="Steps from one kill to the next.")] = 80,
    complete: Annotated[
        bool, typer.Option("--complete", help="Fail where some kind of fault did not occur.")
    ] = False,
    sabotage: Annotated[
        str | None, typer.Option(help=f"Break a rule first: {', '.join(RULES)}.")
    ] = None,
) -> None:
    """Buy through all gateways while everything fails, and see whether the books add up."""
    began = time.monotonic()
    seed = random.randrange(10**6) if seed is None else seed  # noqa: S311 - not secret
    complete = complete or purchases >= ENOUGH
    strikes = plan.strikes(seed, purchases, every)
    show_plan(seed, purchases, strikes)
    stack = StormStack()
    try:
        with stopped_by_signals():
            storm = Storm(stack, plan.purchases(seed, purchases), strikes, seed)
            found = _found(stack, storm, sabotage, complete=complete)
    finally:
        discard(stack)
    out.print(f"{time.monotonic() - began:.0f} seconds in all")
    if found:
        raise typer.Exit(1)
    out.print("[green]Nothing lost, nothing doubled, nothing minted.[/]")


def _found(
    stack: StormStack, storm: Storm, sabotage: str | None, *, complete: bool
) -> list[Offence]:
    stack.keep_own_log()
    stack.up()
    storm.database.run("update coinslot.settings set max_open_orders = 1000000")
    storm.database.run("update coinslot.settings set max_unpaid_orders_per_hour = 1000000")
    if sabotage is not None:
        break_rule(stack, sabotage)
    found = asyncio.run(storm.run())
    if complete:
        found += [Offence("absent", f"there was no {each}") for each in absent(storm.journal)]
    show_figures(storm.journal, storm.database.statuses(), found)
    if found:
        show_offences(storm.seed, storm.journal, found, storm.database)
    return found


if __name__ == "__main__":
    app()
