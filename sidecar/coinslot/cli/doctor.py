"""`coinslot doctor`: is this deployment whole? Each fault comes with its repair."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from coinslot.cli.deployment import run
from coinslot.cli.terminal import out

if TYPE_CHECKING:
    from coinslot.database.installation import Fault
    from coinslot.services import Services

_COLUMNS = ("fault", "of", "problem", "repair")


def doctor(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="For programs: a list, empty if all is well.")
    ] = False,
) -> None:
    """Check the database: triggers, functions, grants, rows, users without wallets.

    Ends with 1 if anything is wrong. Repairs are SQL, run as the owner of the database.
    """

    async def checked(services: Services) -> list[Fault]:
        return await services.database.as_patient_service().check_installation()

    faults = run(checked)
    if as_json:
        typer.echo(json.dumps([_row(fault) for fault in faults], indent=2, ensure_ascii=False))
    elif faults:
        out.print_table(_COLUMNS, map(_cells, faults))
    else:
        out.print("The installation is whole", markup=False)
    if faults:
        raise typer.Exit(1)


def _row(fault: Fault) -> dict[str, object]:
    """`part` tells this list from those of other parts of a deployment."""
    return {"part": "database", **fault.model_dump()}


def _cells(fault: Fault) -> tuple[str, ...]:
    return fault.code, fault.subject, fault.problem, fault.repair
