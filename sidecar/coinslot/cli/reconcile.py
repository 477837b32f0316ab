"""`coinslot reconcile --once`: what is due now is read again, without a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from coinslot.cli.deployment import run
from coinslot.cli.terminal import AWAY, AsJson, fail, out

if TYPE_CHECKING:
    from coinslot.services import Services


def reconcile(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Do what is due now, and end. The server does the rest.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read open orders and refunds again, expire what is over."""
    if not once:
        fail("Say --once: a server reconciles by itself, all the time")

    async def reconciled(services: Services) -> dict[str, Any]:
        await services.reconciliations.maintain()
        return vars(await services.reconciliations.once())

    done = run(reconciled)
    if as_json:
        out.print_json(done)
    else:
        out.print(", ".join(f"{count} {name}" for name, count in done.items()))
    if done["unanswered"]:
        fail("A gateway did not answer: what is left is due again in half a minute", AWAY)
