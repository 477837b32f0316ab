"""`coinslot doctor`: is this deployment whole? Each fault comes with its repair."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from coinslot.cli.deployment import run
from coinslot.cli.terminal import REFUSED

if TYPE_CHECKING:
    from coinslot.database.installation import Fault
    from coinslot.services import Services


def doctor(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="For programs: a list, empty if all is well.")
    ] = False,
) -> None:
    """Check the database: triggers, functions, grants, rows, users without wallets.

    Ends with 1 if anything is wrong, with 3 if the database cannot be asked. Repairs are SQL, run
    as the owner of the database.
    """

    async def checked(services: Services) -> list[Fault]:
        return await services.database.as_patient_service().check_installation()

    faults = run(checked)
    if as_json:
        typer.echo(json.dumps([_row(fault) for fault in faults], indent=2, ensure_ascii=False))
    elif faults:
        typer.echo("\n\n".join(map(_script, faults)))
    else:
        typer.echo("The installation is whole")
    if faults:
        raise typer.Exit(REFUSED)


def _row(fault: Fault) -> dict[str, object]:
    """`part` tells this list from those of other parts of a deployment."""
    return {"part": "database", **fault.model_dump()}


def _script(fault: Fault) -> str:
    """SQL as it can be copied: never folded, and no name begins a line."""
    about = (f"{fault.code}: {fault.subject}", fault.problem)
    return "\n".join([*(f"-- {' '.join(each.split())}" for each in about), fault.repair])
