"""`coinslot operators …`: who may act on orders that are not theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from coinslot.cli.command_group import command_group
from coinslot.cli.deployment import run
from coinslot.cli.terminal import AsJson, fail, out

if TYPE_CHECKING:
    from coinslot.database.records import Operator, OperatorAccount
    from coinslot.services import Services

app = command_group("Who may refund, or look at what is not theirs.")

_COLUMNS = ("user id", "e-mail", "role", "since", "active")

Who = Annotated[str, typer.Argument(help="A user: the e-mail they have confirmed, or their id.")]


@app.command()
def add(
    who: Who,
    *,
    role: Annotated[
        Literal["owner", "finance", "support"],
        typer.Option(help="support reads; finance and owner refund, too."),
    ],
    as_json: AsJson = False,
) -> None:
    """Give a user a role, in place of the one they had. The first owner is made so, too."""

    async def added(services: Services) -> Operator:
        return await services.database.as_service().add_operator(who, role)

    _show(run(added), "has the role", as_json=as_json)


@app.command()
def remove(who: Who, *, as_json: AsJson = False) -> None:
    """Take the role of a user away. Counts from their next call on, whatever their JWT says."""

    async def removed(services: Services) -> Operator | None:
        return await services.database.as_service().remove_operator(who)

    was = run(removed)
    if was is None:
        fail("This user is no operator")
    _show(was, "no longer has the role", as_json=as_json)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show the operators. One who is not active was deleted or banned, and may do nothing."""

    async def listed(services: Services) -> list[OperatorAccount]:
        return await services.database.as_service().list_operators()

    found = run(listed)
    if as_json:
        out.print_json(found)
    else:
        out.print_table(_COLUMNS, map(_cells, found))


def _cells(each: OperatorAccount) -> tuple[str, ...]:
    active = "yes" if each.active else "no"
    return each.user_id, each.email or "", each.role, each.since[:19], active


def _show(operator: Operator, verb: str, *, as_json: bool) -> None:
    if as_json:
        out.print_json(operator)
    else:
        out.print(f"{operator.user_id} {verb} {operator.role}", markup=False)
