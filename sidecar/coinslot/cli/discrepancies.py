"""`coinslot discrepancies …`: what a person has to decide, and that it is decided."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from coinslot.cli.command_group import command_group
from coinslot.cli.deployment import run
from coinslot.cli.terminal import AsJson, fail, out

if TYPE_CHECKING:
    from coinslot.database.records import Discrepancy
    from coinslot.services import Services

_PAGE = 1000
_COLUMNS = ("id", "since", "kind", "gateway", "order", "payment", "detail")

app = command_group("What needs a person: money that fits no order, refunds that never end.")


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what is open."""

    async def listed(services: Services) -> list[Discrepancy]:
        found: list[Discrepancy] = []
        service = services.database.as_service()
        # A short page is not the last: PostgREST may give fewer rows than it is asked for.
        while len(found) < limit and (
            page := await service.list_discrepancies(
                min(limit - len(found), _PAGE), found[-1].id if found else None
            )
        ):
            found += page
        return found

    found = run(listed)
    if as_json:
        out.print_json(found)
    else:
        out.print_table(_COLUMNS, map(_cells, found))


@app.command()
def resolve(
    number: Annotated[int, typer.Argument(metavar="ID", help="As `list` shows it.")],
    *,
    resolution: Annotated[str, typer.Option(help="What you found, and what you did about it.")],
    as_json: AsJson = False,
) -> None:
    """Say that one has been dealt with. What is told anew of the same money is shown again."""

    async def resolved(services: Services) -> Discrepancy | None:
        return await services.database.as_service().resolve_discrepancy(number, resolution)

    found = run(resolved)
    if found is None:
        fail("There is no such discrepancy")
    if as_json:
        out.print_json(found)
        return
    said = found.resolution or "it resolved itself"
    out.print(
        f"{found.id}: {found.kind}, resolved {(found.resolved_at or '')[:19]}: {said}", markup=False
    )


def _cells(discrepancy: Discrepancy) -> tuple[str, ...]:
    return (
        str(discrepancy.id),
        discrepancy.created_at[:19],
        discrepancy.kind,
        discrepancy.gateway,
        discrepancy.order_id,
        discrepancy.payment_key,
        json.dumps(discrepancy.detail, ensure_ascii=False),
    )
