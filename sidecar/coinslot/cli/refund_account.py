"""The bank account that a deposit goes back to, as an operator gives it.

It comes from a file, a pipe or the terminal, never as an argument: shells keep arguments, and every
process on the machine can read them. Its form, and the errors about it, are those of the route.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer

from coinslot.cli.terminal import fail

FILE_HELP = (
    "Where a deposit goes back to: a file of JSON as the route takes it, - for standard input: "
    '{"bank": "088", "accountNumber": "…", "holder": "…", "phone": "…"}. '
    "Some payment companies want the phone number."
)
ASK_HELP = "Ask for that account on the terminal."


def refund_account(file: Path | None, *, ask: bool) -> dict[str, str] | None:
    """The account, or None where none is given.

    Ends the command with a sentence where it cannot be one. No message repeats what was given.
    """
    if file is None and not ask:
        return None
    if file is not None and ask:
        fail("Say --account or --ask-account, not both")
    return _checked(_asked() if file is None else _read(file))


def _asked() -> object:
    if not sys.stdin.isatty():
        fail("--ask-account needs a terminal: pipe the account into --account -")
    return {
        "bank": typer.prompt("Bank (its clearing code, such as 088)", err=True),
        # Not shown, so asked for twice: a wrong digit is somebody else's account.
        "accountNumber": typer.prompt(
            "Account number", hide_input=True, confirmation_prompt=True, err=True
        ),
        "holder": typer.prompt("Holder", err=True),
    }


def _read(file: Path) -> object:
    try:
        raw = sys.stdin.buffer.read() if file == Path("-") else file.read_bytes()
    except OSError as error:
        fail(f"The account cannot be read: {error.strerror}")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        fail("The account is not JSON")


def _checked(given: object) -> dict[str, str]:
    from coinslot.errors import InvalidRequest  # noqa: PLC0415 - as in `run`
    from coinslot.routes.refunds import AccountBody  # noqa: PLC0415
    from coinslot.routes.requests import validated  # noqa: PLC0415

    try:
        return validated(AccountBody, given).model_dump(exclude_none=True)
    except InvalidRequest as error:
        fail(f"The account cannot be used: {error}")
