"""The command line: `python -m devstack …`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import typer
from pydantic import ValidationError
from rich.console import Console

from devstack import demo, sample_data
from devstack.foreground import follow, stopped_by_signals
from devstack.settings import DevstackError, DevstackSettings
from devstack.stack import Stack

app = typer.Typer(
    help="The local Supabase stack. Its data, logs and addresses are in the folder .devstack.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)


@app.command()
def up() -> None:
    """Start everything in the background, and return once it is healthy."""
    with _explained(), stopped_by_signals():
        stack = _stack()
        stack.up()
        _print_summary(stack)


@app.command()
def run() -> None:
    """Start everything and show the logs. Ctrl-C stops it; data stays."""
    with _explained():
        stack = _stack()
        stack.require_ports()  # before anything that runs is stopped
        try:
            with stopped_by_signals():
                stack.down()
                stack.up()
                _print_summary(stack)
                _out.print("[dim]Ctrl-C stops it; the data stays[/]")
                with suppress(KeyboardInterrupt):  # the way to end it, and no failure
                    follow(stack, _out)
        finally:
            stack.down()
            _out.print("stopped")


@app.command()
def down() -> None:
    """Stop everything. Data stays."""
    with _explained():
        stopped = _stack().down()
        _out.print(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


@app.command()
def reset() -> None:
    """Make a new database: drop, migrate, seed. The stack keeps running."""
    with _explained():
        _stack().reset()


@app.command()
def seed() -> None:
    """Play a quarter of a lively shop into a new database, with a moved clock."""
    with _explained(), stopped_by_signals():
        stack = _stack()
        was_running = stack.processes.running()
        stack.up()
        stack.reset()
        with stack.moved_clock() as clock:
            paid = sample_data.play(stack.settings.database_url("supabase_admin"), clock)
        _out.print(f"{paid} orders were paid; sign in at {stack.settings.sidecar_url}/console")
        if was_running:
            stack.up()


@app.command("demo")
def play_demo() -> None:
    """Play the whole story, step by step. Starts the stack if need be."""
    with _explained(), stopped_by_signals():
        stack = _stack()
        demo.require_playable(stack.settings)
        was_running = stack.processes.running()
        try:
            stack.up()
            code = demo.play(stack)
        finally:
            if not was_running:
                stack.down()
        if code:
            raise typer.Exit(code)


@app.command()
def delete() -> None:
    """Stop everything, and delete all data."""
    with _explained():
        _stack().delete()


@app.command()
def status() -> None:
    """Show the health of each process. Exits 1 unless all are healthy."""
    with _explained():
        states = _stack().status()
        words = {True: "[green]healthy[/]", False: "[red]not answering[/]", None: "[dim]off[/]"}
        for name, healthy in states.items():
            _out.print(f"{name:<12} {words[healthy]}")
        if not all(states.values()):
            raise typer.Exit(1)


def _stack() -> Stack:
    return Stack(
        DevstackSettings(), report=lambda line: _err.print(f"[dim]· {line}[/]", soft_wrap=True)
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Within: a mistake that a person can mend is printed in words, without a traceback."""
    try:
        yield
    except DevstackError as error:
        _err.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            name = f"COINSLOT_{'.'.join(map(str, problem['loc']))}".upper()
            _err.print(f"{name}: {problem['msg']}", style="red", markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _print_summary(stack: Stack) -> None:
    values = stack.published()
    width = max(map(len, values))
    for name, value in values.items():  # one line each, however long: they are there to be copied
        _out.print(f"[bold]{name:<{width}}[/]  {value}", soft_wrap=True)
    path = os.path.relpath(stack.settings.devstack_dir / "env")
    _out.print(f"[green]Coinslot runs.[/] All of the above is in {path}")
    store = values["STORE_URL"]
    _out.print(f"[bold]Buy something: [link={store}]{store}[/link][/]", soft_wrap=True)
