"""The operator's terminal: results on standard output, failures on standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypeVar

import typer

from coinslot.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


T = TypeVar("T")


class Terminal:
    """One of the two streams. Rich is loaded with its first line: `--help` does without it."""

    def __init__(self, *, stderr: bool = False) -> None:
        self._stderr = stderr

    def print(self, said: object, *, markup: bool = True) -> None:
        from rich.console import Console  # noqa: PLC0415 - `--help` does without it

        Console(stderr=self._stderr, highlight=False).print(_harmless(said), markup=markup)

    def print_table(self, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Prints texts that may be anybody's, folded where they are long."""
        from rich.markup import escape  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415

        table = Table(box=None, pad_edge=False)
        # What a line is about is copied into the next command.
        for name in names:
            table.add_column(name, overflow="fold", no_wrap=name == names[0])
        for row in rows:
            table.add_row(*(escape(_harmless(cell)) for cell in row))
        self.print(table)


def _harmless(said: T) -> T | str:
    """Texts may be a buyer's or a gateway's, and steer no operator's terminal."""
    return shown(said, keep="\n") if isinstance(said, str) else said


out = Terminal()
err = Terminal(stderr=True)


REFUSED = 1
"""The answer is no, or something is wrong. Wrong options end a command with 2, which is typer's."""

AWAY = 3
"""The database or a gateway could not be asked, so that nothing is known. Later it may be."""


def fail(message: str, status: int = REFUSED) -> NoReturn:
    """Ends the command with this sentence."""
    err.print(message, markup=False)
    raise typer.Exit(status)
