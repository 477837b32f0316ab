"""`coinslot go-live`: takes back what test cards bought, and makes the database live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from coinslot.cli.deployment import run
from coinslot.cli.terminal import AsJson, out

if TYPE_CHECKING:
    from coinslot.database.going_live import GoingLive
    from coinslot.services import Services

_COLUMNS = ("order", "user id", "tokens", "balance afterwards")


def go_live(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take back the tokens of test payments, call off unpaid test orders, take real money only."""

    async def gone(services: Services) -> GoingLive:
        return await services.database.as_service().go_live(dry_run=not yes)

    report = run(gone)
    if as_json:
        out.print_json(report)
    else:
        _show(report)


def _show(report: GoingLive) -> None:
    rows = ((p.order_id, p.user_id, str(p.tokens), str(p.balance)) for p in report.payments)
    if report.payments:
        out.print_table(_COLUMNS, rows)
    out.print(
        f"{report.tokens} tokens of {len(report.payments)} test payments, "
        f"{report.orders} unpaid test orders, {report.refunds} open refunds of test orders."
    )
    if report.dry_run:
        out.print(f"The database is {report.mode}. Nothing was changed: go live with --yes")
    else:
        out.print("The database is live. Set COINSLOT_MODE=live and start the sidecars again")
