"""Commands that the documentation shows: whether each is there, with its options."""

from __future__ import annotations

import json
import re
import shlex
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from typer.main import get_command

from coinslot.cli.app import app as coinslot
from coinslot.routes.openapi.operations import operations
from devstack.cli import app as devstack
from tests.support.documentation import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

PLAIN = {
    *("supabase db push", "set -a; . .devstack/env; set +a"),
    *("supabase db dump --file schema.sql", "supabase db dump --data-only --file data.sql"),
    "supabase migration repair --status reverted 20261121100000 20261121100100",
}
"""Commands of others, as they are."""


def wrong_with(line: str) -> str | None:
    """Of a line in a shell: what is not there. A program without a rule here is not."""
    words = shlex.split(line, comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    if not words or line.partition(" # ")[0] in PLAIN:
        return None
    program, *arguments = words
    return _CHECKS[program](arguments) if program in _CHECKS else program


def accepted(method: str, path: str, sent: set[str]) -> bool:
    """True if the sidecar has the route and its body has these fields."""
    for each in operations():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(each.path))
        if each.method == method and re.fullmatch(pattern, path) and each.body and each.body[0]:
            schema = each.body[0].model_json_schema(by_alias=True)
            return sent <= set(schema["properties"])
    return False


def _make(words: list[str]) -> str | None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        name, given, _ = word.partition("=")
        rule = rf"^{name} \?=" if given else rf"^{name}:"
        if not re.search(rule, makefile, re.MULTILINE):
            return word
    return None


def _typer(command: Any, arguments: list[str]) -> str | None:  # noqa: ANN401 - typer's own
    """The commands down to the last, then its options; what follows an option is its value."""
    rest = list(arguments)
    while rest and hasattr(command, "commands"):
        name = rest.pop(0)
        if name not in command.commands:
            return name
        command = command.commands[name]
    options = {name for parameter in command.params for name in parameter.opts}
    return next((word for word in rest if word.startswith("--") and word not in options), None)


def _coinslot(arguments: list[str]) -> str | None:
    return _typer(get_command(coinslot), arguments)


def _python(arguments: list[str]) -> str | None:
    flag, module, *rest = arguments
    if flag == "-m" and module == "devstack":
        return _typer(get_command(devstack), rest)
    return None if module.startswith("tests.") and find_spec(module) else module


def _pytest(arguments: list[str]) -> str | None:
    return next((path for path in arguments if not (ROOT / path).is_file()), None)


def _curl(arguments: list[str]) -> str | None:
    flag, method, address, *rest = arguments
    path = address.removeprefix("$SIDECAR_URL")
    body = json.loads(rest[rest.index("-d") + 1])
    return None if flag == "-X" and accepted(method.lower(), path, set(body)) else path


def _postgres(arguments: list[str]) -> str | None:
    """Of psql and pg_dump: options that the tests of restores use, and files that are there."""
    given = {word for word in arguments if word.startswith("--")}
    unknown = given - {
        *("--clean", "--command", "--data-only", "--file", "--if-exists", "--schema", "--set"),
        "--single-transaction",
    }
    files = {word for word in arguments if "/" in word}
    return next(iter(unknown | {file for file in files if not (ROOT / file).is_file()}), None)


def _elsewhere(arguments: list[str]) -> str | None:
    """Of a program that is none of ours: files and modules of ours that it is given."""
    for word in arguments:
        module, _, name = word.partition(":")
        if word.startswith(("sidecar/", "requirements")) and not (ROOT / word).is_file():
            return word
        if module.startswith("coinslot.") and not hasattr(import_module(module), name):
            return word
    return None


_CHECKS: dict[str, Callable[[list[str]], str | None]] = {
    "make": _make,
    "coinslot": _coinslot,
    "python": _python,
    ".venv/bin/pytest": _pytest,
    "curl": _curl,
    "psql": _postgres,
    "pg_dump": _postgres,
    "/opt/coinslot/bin/coinslot": _coinslot,
    **dict.fromkeys(
        (
            *("docker", "gcloud", "install", "npm", "npx", "python3", "sam", "systemctl"),
            "uvicorn",
            "/opt/coinslot/bin/pip",
        ),
        _elsewhere,
    ),
}
