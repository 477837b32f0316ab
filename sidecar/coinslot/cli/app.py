"""The command line: `coinslot`, or `python -m coinslot`."""

from __future__ import annotations

from typing import Annotated

import typer

from coinslot.cli.audits import audit
from coinslot.cli.codes import app as codes
from coinslot.cli.command_group import command_group
from coinslot.cli.discrepancies import app as discrepancies
from coinslot.cli.doctor import doctor
from coinslot.cli.endpoints import app as endpoints
from coinslot.cli.going_live import go_live
from coinslot.cli.migrations import app as migrations
from coinslot.cli.operators import app as operators
from coinslot.cli.plans import app as plans
from coinslot.cli.products import app as products
from coinslot.cli.reconcile import reconcile
from coinslot.cli.refunds import accept_refund, close_refund, refund
from coinslot.cli.seller import app as seller
from coinslot.cli.serve import serve
from coinslot.cli.webhooks import app as webhooks
from coinslot.release import OLDEST_SCHEMA, VERSION

app = command_group(
    "Coinslot's sidecar: prepaid tokens, bought through payment gateways.", completion=True
)
for command in (
    serve,
    refund,
    accept_refund,
    close_refund,
    reconcile,
    audit,
    doctor,
    go_live,
):
    app.command()(command)
app.add_typer(webhooks, name="webhooks")
app.add_typer(discrepancies, name="discrepancies")
app.add_typer(operators, name="operators")
app.add_typer(products, name="products")
app.add_typer(plans, name="plans")
app.add_typer(codes, name="codes")
app.add_typer(endpoints, name="endpoints")
app.add_typer(seller, name="seller")
app.add_typer(migrations, name="migrations")


def _show_version(asked: bool) -> None:  # noqa: FBT001 - typer's
    if asked:
        typer.echo(f"coinslot {VERSION}, for databases at schema {OLDEST_SCHEMA} or newer")
        raise typer.Exit


@app.callback()
def main(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Commands of the sidecar. Each takes its settings from the environment and `.env`."""
