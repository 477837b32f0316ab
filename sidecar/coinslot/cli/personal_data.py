"""`coinslot export-user` and `coinslot erase-user`: a copy of a person's data, and its end."""

from __future__ import annotations

import csv
import json
import re
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from coinslot.cli.deployment import run
from coinslot.cli.terminal import AsJson, err, fail, out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinslot.database.personal_data import Erasure, ExportParts
    from coinslot.database.service import ServiceDatabase
    from coinslot.services import Services

FORMAT = "coinslot.export/1"
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")

Who = Annotated[str, typer.Argument(help="A user's id, or the e-mail that they have confirmed.")]


def export_user(
    who: Who,
    *,
    output: Annotated[
        Path | None, typer.Option(help="A new file for the JSON, in place of the terminal.")
    ] = None,
    as_csv: Annotated[
        Path | None, typer.Option("--csv", help="A new folder, for a CSV file of each part.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Copy everything that is known of one user, as JSON or as CSV. Nothing of anybody else."""
    _check_target(output, as_csv)

    async def exported(services: Services) -> dict[str, int]:
        database = services.database.as_service()
        parts = await database.export_parts(who)
        if as_csv is not None:
            return await _write_folder(database, parts, as_csv)
        if output is None:
            return await _write_json(database, parts, sys.stdout)
        with _private(output) as file:
            return await _write_json(database, parts, file)

    rows = run(exported)
    if output is None and as_csv is None:
        return
    if as_json:
        out.print_json(rows)
    else:
        out.print_table(("part", "rows"), [(part, str(count)) for part, count in rows.items()])


def erase_user(
    who: Annotated[str, typer.Argument(metavar="USER_ID", help="Of an account that was deleted.")],
    *,
    reason: Annotated[str, typer.Option(help="Kept with who was erased, so name nobody in it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what.")] = False,
    forfeit: Annotated[
        bool, typer.Option("--forfeit", help="Though tokens are left that were paid for.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Erase what identifies a user who is gone. The books stay, for as long as the law says."""

    async def erased(services: Services) -> Erasure:
        database = services.database.as_service()
        with err.progress("Erasing") as tell:
            while True:
                step = await database.erase_user(who, reason, forfeit=forfeit, dry_run=not yes)
                if step.done or step.dry_run:
                    return step
                tell(f"{step.entries} entries")

    erasure = run(erased)
    if as_json:
        out.print_json(erasure)
    else:
        _show(erasure)


def _check_target(*targets: Path | None) -> None:
    given = [target for target in targets if target is not None]
    if len(given) > 1:
        fail("Say --output or --csv, not both")
    for target in given:
        if target.exists():
            fail(f"{target} is there already")


async def _write_json(
    database: ServiceDatabase, parts: ExportParts, file: TextIO
) -> dict[str, int]:
    """One object, written as it comes: no more than a page is held."""
    head = {
        "format": FORMAT,
        "generated_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "user_id": parts.user_id,
        "retention": [each.model_dump() for each in parts.retention],
    }
    file.write(_json(head)[:-1])
    counts: dict[str, int] = {}
    for part in parts.parts:
        counts[part] = 0
        file.write(f',\n"{part}": [')
        async for page in database.exported(parts.user_id, part):
            for row in page:
                file.write(("" if counts[part] == 0 else ",") + "\n" + _json(row))
                counts[part] += 1
        file.write("]")
    file.write("\n}\n")
    return counts


async def _write_folder(
    database: ServiceDatabase, parts: ExportParts, folder: Path
) -> dict[str, int]:
    """A file for each part that has rows, for any spreadsheet: UTF-8 with its mark."""
    _make_private(folder)
    counts: dict[str, int] = {}
    for part in parts.parts:
        counts[part] = 0
        with ExitStack() as stack:
            writer: Any = None
            async for page in database.exported(parts.user_id, part):
                for row in page:
                    if writer is None:
                        file = stack.enter_context(_private(folder / f"{part}.csv"))
                        file.write("\ufeff")
                        writer = csv.DictWriter(file, list(row), lineterminator="\r\n")
                        writer.writeheader()
                    writer.writerow(_cells(row))
                    counts[part] += 1
    return counts


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700)


def _private(path: Path) -> TextIO:
    path.touch(mode=0o600, exist_ok=False)
    return path.open("w", encoding="utf-8", newline="")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _cells(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: _cell(value) for name, value in row.items()}


def _cell(value: object) -> str:
    """A text that a spreadsheet would calculate begins with an apostrophe."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else _json(value)
    if isinstance(value, str) and _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _show(erasure: Erasure) -> None:
    rows = [(each.what, each.until, each.law) for each in erasure.kept]
    out.print_table(("kept", "until", "by"), rows)
    if erasure.forfeited_tokens:
        out.print(f"{erasure.forfeited_tokens} tokens that were paid for are forfeited.")
    if erasure.dry_run:
        out.print("Nothing was changed: erase with --yes")
    else:
        out.print(f"Erased: {erasure.user_id}, with the texts of {erasure.entries} entries")
