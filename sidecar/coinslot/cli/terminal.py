"""The operator's terminal: results on standard output, failures and progress on standard error.

A pipe gets the same words, without colours and never folded: an id stays whole.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer

from coinslot.text import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import Console


T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="For programs: the answer as JSON.")]
"""The option that every command has. Amounts are minor units, times ISO 8601."""

# Wide enough for any table: nothing in a pipe is folded.
_UNFOLDED = 100_000


class Terminal:
    """One of the two streams. Rich is loaded with its first line: `--help` does without it."""

    def __init__(self, *, stderr: bool = False) -> None:
        self._stderr = stderr

    def print(self, said: object, *, markup: bool = True, fold: bool = True) -> None:
        self._console().print(_harmless(said), markup=markup, soft_wrap=not fold)

    def print_sign(self, sign: str, colour: str, said: str) -> None:
        """A line that begins with a coloured sign; only a terminal folds it, and shows colours."""
        from rich.text import Text  # noqa: PLC0415 - `--help` does without it

        self.print(Text.assemble((sign, colour), " ", _harmless(said)))

    def print_json(self, answer: object) -> None:
        """Records, and lists and objects of them, as one JSON value."""
        typer.echo(
            json.dumps(answer, default=_plain, indent=2, ensure_ascii=False), err=self._stderr
        )

    def print_table(self, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Prints texts that may be anybody's, folded on a terminal where they are long."""
        from rich.markup import escape  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415

        table = Table(box=None, pad_edge=False)
        # What a line is about is copied into the next command.
        for name in names:
            table.add_column(name, overflow="fold", no_wrap=name == names[0])
        for row in rows:
            table.add_row(*(escape(_harmless(cell)) for cell in row))
        self.print(table)

    @contextmanager
    def progress(self, doing: str) -> Iterator[Callable[[str], None]]:
        """Shows how far long work has come, on a terminal alone; yields what says so."""
        console = self._console()
        if not console.is_terminal:
            yield lambda _said: None
            return
        with console.status(doing) as status:
            yield lambda said: status.update(f"{doing}: {_harmless(said)}")

    def _console(self) -> Console:
        from rich.console import Console  # noqa: PLC0415 - `--help` does without it

        console = Console(stderr=self._stderr, highlight=False)
        if not console.is_terminal:
            console.width = _UNFOLDED
        return console


def _harmless(said: T) -> T | str:
    """Texts may be a buyer's or a gateway's, and steer no operator's terminal."""
    return shown(said, keep="\n") if isinstance(said, str) else said


def _plain(value: object) -> object:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if dump else str(value)


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
