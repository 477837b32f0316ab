"""`python -m tests.events --events 2000 --kills 6 --seed 1`: exits 1 where an event or a mail did
not come as it has to."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Annotated

import typer

from devstack.foreground import stopped_by_signals
from tests.events.kills import POINTS
from tests.events.storm import EventStorm
from tests.events.world import EventStack
from tests.storm.report import out
from tests.storm.sabotage import break_rule
from tests.support.clusters import discard

app = typer.Typer(pretty_exceptions_enable=False)
_SHOWN = 25

# What: the function, what it says, what it is made to say.
RULES: dict[str, tuple[str, str, str]] = {
    "order": ("claim_for", "b.state = 'pending'", "b.state = 'parked'"),
    "lease": ("claim_for", "then coinslot.delivery_lease()", "then interval '1 day'"),
    "outcome": ("finish_delivery", "finish_delivery.outcome <> 'delivered' then", "false then"),
    "twice": ("take_mail", "mail.unknowns + mail.in_flight::integer", "0"),
}


@app.command()
def main(
    *,
    events: Annotated[int, typer.Option(min=10, help="At least so many are written.")] = 2000,
    kills: Annotated[int, typer.Option(min=1, help="At each point.")] = 6,
    anywhere: Annotated[int, typer.Option(min=0, help="Kills at any time, besides.")] = 40,
    seed: Annotated[int | None, typer.Option(help="Of an earlier storm.")] = None,
    sabotage: Annotated[
        str | None, typer.Option(help=f"Break a rule first: {', '.join(RULES)}.")
    ] = None,
) -> None:
    """Write events while those who send them are killed, and see whether each arrives."""
    began = time.monotonic()
    seed = random.randrange(10**6) if seed is None else seed  # noqa: S311 - not secret
    out.print(f"seed {seed}: {events} events, {kills} kills at each of {len(POINTS)} points")
    stack = EventStack()

    def prepare() -> None:
        stack.hasten()
        if sabotage is not None:
            break_rule(stack, sabotage, RULES)

    try:
        with stopped_by_signals():
            storm = EventStorm(stack, events, kills, anywhere, seed)
            found = asyncio.run(storm.run(prepare))
    finally:
        discard(stack)
    for name, number in sorted(storm.counts.items()):
        out.print(f"{name}: {number}", markup=False)
    for name, number in sorted(storm.kills.done.items()):
        out.print(f"killed, {name}: {number}", markup=False)
    for each in found[:_SHOWN]:
        out.print(f"✗ {each}", markup=False)
    out.print(f"{len(found)} offences, {time.monotonic() - began:.0f} seconds in all")
    if found:
        raise typer.Exit(1)
    out.print("[green]Each event came, in its order; no mail more than twice.[/]")


if __name__ == "__main__":
    app()
