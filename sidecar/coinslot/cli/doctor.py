"""`coinslot doctor`: is this deployment whole? Each fault comes with what to do."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from coinslot.cli.deployment import run, settings_problems, this_deployment
from coinslot.cli.terminal import AWAY, REFUSED, out

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coinslot.diagnosis.findings import Finding
    from coinslot.services import Services

_SIGNS = {"ok": "✓", "warning": "!", "fault": "✗", "unknown": "✗"}
_COLOURS = {"ok": "green", "warning": "yellow", "fault": "red", "unknown": "red"}
# With the start of the program this is less than ten.
_SECONDS = 8.0


def doctor(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="For programs: a list of all that was looked at.")
    ] = False,
    sql: Annotated[
        bool, typer.Option("--sql", help="Only the repairs of the database, as a script.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(min=1, max=60, help="The longest that all checks may take.")
    ] = _SECONDS,
) -> None:
    """Check this deployment: settings, keys, gateways, webhooks, clocks, database, backlog.

    Ends with 1 if anything is wrong, and with 3 if it is only that somebody cannot be asked. A
    warning (!) is no fault. Repairs of the database are SQL, run as its owner.
    """
    found = _examined(seconds)
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False))
    elif sql:
        for each in found:
            if each.sql:
                typer.echo(_script(each))
    else:
        _show(found)
    levels = {each.level for each in found}
    if levels & {"fault", "unknown"}:
        raise typer.Exit(REFUSED if "fault" in levels else AWAY)


def _examined(seconds: float) -> list[Finding]:
    if wrong := settings_problems():
        from coinslot.diagnosis.findings import fault  # noqa: PLC0415 - `--help` does without it

        todo = "Correct it in the environment or .env"
        return [fault("settings", "setting_wrong", each, todo) for each in wrong]
    settings = this_deployment()

    async def examined(services: Services) -> list[Finding]:
        from coinslot.diagnosis.doctor import Doctor  # noqa: PLC0415

        return await Doctor(settings, services, seconds).examine()

    return run(examined, quiet=True)


def _show(found: Iterable[Finding]) -> None:
    """A line for each. Repairs stand below, never folded, so that they can be copied."""
    for each in found:
        subject = f"{each.code} {each.subject}: " if each.subject else ""
        out.print_sign(
            _SIGNS[each.level], _COLOURS[each.level], f"{each.part}: {subject}{each.problem}"
        )
        for line in each.repair.splitlines():
            out.print(f"    {line}", markup=False, fold=False)


def _script(each: Finding) -> str:
    """SQL as it can be copied: never folded, and no name begins a line."""
    about = (f"{each.code}: {each.subject}", each.problem)
    return "\n".join([*(f"-- {' '.join(line.split())}" for line in about), each.repair, ""])
