"""`devstack run`: the stack in a terminal, its logs on the screen, until Ctrl-C."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from devstack.settings import DevstackError
from devstack.stack import Stack

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue")
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Log:
    """The lines that are written to a file from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = path.stat().st_size if path.exists() else 0
        self._rest = b""

    def lines(self) -> Iterator[str]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._position)
            new = file.read()
        self._position += len(new)
        *complete, self._rest = (self._rest + new).split(b"\n")
        for line in complete:
            yield line.decode(errors="replace")


def follow(stack: Stack, console: Console) -> None:
    """Print the log of every process until a signal comes. Raises `DevstackError` if one ends."""
    names = [program.name for program in stack.programs]
    logs = {name: _Log(stack.processes.log(name)) for name in names}
    colours = dict(zip(names, itertools.cycle(_COLOURS), strict=False))
    while True:
        for name, log in logs.items():
            for line in log.lines():
                prefix = Text(f"{name:<10} │ ", style=colours[name])
                console.print(prefix + Text.from_ansi(line), soft_wrap=True)
        gone = set(names) - set(stack.processes.running())
        if gone:
            message = f"{', '.join(sorted(gone))} ended by itself; the rest is stopped as well"
            raise DevstackError(message)
        time.sleep(0.2)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Within: the first stop signal raises `KeyboardInterrupt`, and later ones are ignored."""

    def interrupt(_number: int, _frame: object) -> None:
        for number in _STOPPING:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
