"""`coinslot operators …`: who may act on orders that are not theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from coinslot.cli.deployment import run
from coinslot.cli.terminal import fail, out

if TYPE_CHECKING:
    from coinslot.database.records import Operator, OperatorAccount
    from coinslot.services import Services

app = typer.Typer(
    help="Who may refund, or look at what is not theirs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Who = Annotated[str, typer.Argument(help="A user: the e-mail they have confirmed, or their id.")]


@app.command()
def add(
    who: Who,
    *,
    role: Annotated[
        Literal["owner", "finance", "support"],
        typer.Option(help="support reads; finance and owner refund, too."),
    ],
) -> None:
    """Give a user a role, in place of the one they had. The first owner is made so, too."""

    async def added(services: Services) -> Operator:
        return await services.database.as_service().add_operator(who, role)

    _show(run(added), "has the role")


@app.command()
def remove(who: Who) -> None:
    """Take the role of a user away. Counts from their next call on, whatever their JWT says."""

    async def removed(services: Services) -> Operator | None:
        return await services.database.as_service().remove_operator(who)

    was = run(removed)
    if was is None:
        fail("This user is no operator")
    _show(was, "has no longer the role")


@app.command("list")
def list_() -> None:
    """Show the operators. One who is not active was deleted or banned, and may do nothing."""

    async def listed(services: Services) -> list[OperatorAccount]:
        return await services.database.as_service().list_operators()

    table = Table(box=None, pad_edge=False)
    for name in ("user id", "e-mail", "role", "since", "active"):
        table.add_column(name, overflow="fold")
    for each in run(listed):
        cells = (each.user_id, each.email or "", each.role, each.since[:19])
        table.add_row(*(escape(cell) for cell in cells), "yes" if each.active else "no")
    out.print(table)


def _show(operator: Operator, verb: str) -> None:
    out.print(f"{operator.user_id} {verb} {operator.role}", markup=False)
