"""Commands, as a person gives them."""

from __future__ import annotations

import asyncio
import logging
import os
import pty
import select
import subprocess
import sys
from typing import TYPE_CHECKING

import structlog
from typer.testing import CliRunner

from coinslot.cli.app import app
from devstack.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typer.testing import Result

    from tests.support.stacks import LocalStack

_SECONDS = 60
_PYTHON = (sys.executable, "-m", "coinslot")


def run_module(name: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", name, *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


async def operate(stack: LocalStack, *arguments: object, given: str = "") -> tuple[int, str, str]:
    """`coinslot` within this process, which has loaded it already, with `given` on its standard
    input: its status and what it said."""
    return await operate_with(_environment(stack), *arguments, given=given)


async def operate_with(
    environment: dict[str, str], *arguments: object, given: str = ""
) -> tuple[int, str, str]:
    """The same, with these settings and no others."""
    told = await asyncio.to_thread(_invoke, environment, [*map(str, arguments)], given)
    assert "Traceback" not in told.stderr
    return told.exit_code, told.stdout, told.stderr


async def operate_as_a_process(
    stack: LocalStack, *arguments: object, given: str = ""
) -> tuple[int, str, str]:
    """The same as `python -m coinslot`: what it is to whoever starts it."""
    process = await asyncio.create_subprocess_exec(
        *(*_PYTHON, *map(str, arguments)),
        env=_environment(stack),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(given.encode())
    assert "Traceback" not in err.decode()
    return process.returncode or 0, out.decode(), err.decode()


def _invoke(environment: dict[str, str], arguments: list[str], given: str) -> Result:
    """Puts back all that the command configures for its own process."""
    foreign: dict[str, str | None] = {name: None for name in os.environ if name not in environment}
    root, events = logging.getLogger(), structlog.get_config()
    handlers, loggers = root.handlers, [root, *map(logging.getLogger, root.manager.loggerDict)]
    levels = [each.level for each in loggers]
    try:
        return CliRunner().invoke(
            app, arguments, given, foreign | environment, catch_exceptions=False
        )
    finally:
        structlog.configure(**events)
        root.handlers = handlers
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


async def operate_by_hand(
    stack: LocalStack, *arguments: object, answers: Iterable[tuple[str, str]]
) -> tuple[int, str]:
    """The same on a terminal, each answer typed once its question is asked: its status, and all
    that could be read on the screen."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(*_PYTHON, *map(str, arguments)),
        env=_environment(stack),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        screen = await asyncio.to_thread(_converse, ours, answers)
    finally:
        os.close(ours)
    assert "Traceback" not in screen
    return await process.wait(), screen


def _converse(terminal: int, answers: Iterable[tuple[str, str]]) -> str:
    screen = ""
    for question, answer in answers:
        asked = len(screen)
        while question not in screen[asked:]:
            screen += _read(terminal)
        os.write(terminal, f"{answer}\n".encode())
    while more := _read(terminal):
        screen += more
    return screen


def _read(terminal: int) -> str:
    """Empty once the program has ended."""
    assert select.select([terminal], [], [], _SECONDS)[0], "nothing more was said"
    try:
        return os.read(terminal, 4096).decode(errors="replace")
    except OSError:
        return ""


def _environment(stack: LocalStack) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "COLUMNS": "200", **stack.env}
