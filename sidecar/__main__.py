"""The command line: `python -m sidecar`."""

from __future__ import annotations

import sys

import typer

from sidecar.commands.discrepancies import app as discrepancies
from sidecar.commands.money import audit, close_refund, reconcile, refund
from sidecar.commands.webhooks import app as webhooks

app = typer.Typer(help="Coinslot's sidecar.", no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(webhooks, name="webhooks")
app.add_typer(discrepancies, name="discrepancies")
for command in (refund, close_refund, reconcile, audit):
    app.command()(command)


@app.callback()
def main() -> None:
    """Commands of the sidecar, and of the local stack it is developed on."""


@app.command()
def serve() -> None:
    """Serve the payment routes, as the environment and .env say."""
    from sidecar.server import serve as run_server  # noqa: PLC0415 - keeps the sandbox quick
    from sidecar.settings import SettingsError, load_settings  # noqa: PLC0415

    try:
        settings = load_settings()
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    run_server(settings)


def _add_sandbox() -> None:
    # A deployed sidecar goes without the packages of the local stack, and without its commands.
    try:
        from sidecar.sandbox.cli import app as sandbox  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("sidecar"):
            raise
    else:
        app.add_typer(sandbox, name="sandbox")


if __name__ == "__main__":
    # A server goes without the local stack, which would be 20 MB of it.
    if sys.argv[1:2] != ["serve"]:
        _add_sandbox()
    app()
