"""The operator's terminal: results on standard output, failures on standard error."""

from __future__ import annotations

from typing import NoReturn

import typer
from rich.console import Console

out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)


def fail(message: str) -> NoReturn:
    """Ends the command with this sentence and status 1."""
    _err.print(message, markup=False)
    raise typer.Exit(1)
