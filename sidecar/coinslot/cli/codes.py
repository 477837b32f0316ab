"""`coinslot codes …`: promotion codes, one by one and in bulk."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from coinslot.cli.command_group import command_group
from coinslot.cli.deployment import run
from coinslot.cli.terminal import AsJson, out

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coinslot.database.records import PromotionCode
    from coinslot.services import Services

app = command_group("Promotion codes: how often each can be used, and many at once as CSV.")

_COLUMNS = ("code", "uses", "used", "reserved", "overrun", "active")

Promotion = Annotated[str, typer.Argument(metavar="PROMOTION", help="As coinslot_set_promotion.")]
Reason = Annotated[str, typer.Option(help="Kept with who did it.")]


@app.command("set")
def set_(
    code: Annotated[str, typer.Argument(metavar="CODE", help="Spaces and case do not count.")],
    promotion: Promotion,
    *,
    uses: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="By everybody; without: no limit.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Nobody can use it any more.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Make a code of a promotion, or change how often it can be used."""

    async def made(services: Services) -> PromotionCode:
        return await services.database.as_service().set_code(
            code, promotion, max_uses=uses, active=not off, reason=reason
        )

    done = run(made)
    if as_json:
        out.print_json(done)
    else:
        out.print_table(_COLUMNS, [_cells(done)])


@app.command()
def make(
    promotion: Promotion,
    *,
    number: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")],
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Make codes of one use each that nobody guesses, and print them as CSV."""

    async def made(services: Services) -> list[str]:
        return await services.database.as_service().make_codes(promotion, number, reason)

    codes = run(made)
    if as_json:
        out.print_json(codes)
    else:
        _print_csv(("code",), [(code,) for code in codes])


@app.command("list")
def list_(
    promotion: Promotion,
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the codes of a promotion, and how often each was used."""

    async def listed(services: Services) -> list[PromotionCode]:
        return [each async for each in services.database.as_service().codes(promotion)]

    found = run(listed)
    if as_json:
        out.print_json(found)
    elif as_csv:
        _print_csv(_COLUMNS, map(_cells, found))
    else:
        out.print_table(_COLUMNS, map(_cells, found))


def _cells(each: PromotionCode) -> tuple[str, ...]:
    uses = "" if each.max_uses is None else str(each.max_uses)
    used = (str(each.used), str(each.reserved), str(each.overrun))
    return each.code, uses, *used, "yes" if each.active else "no"


def _print_csv(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Codes are capitals and digits: no cell begins as a formula does."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
