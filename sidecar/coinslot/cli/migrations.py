"""`coinslot migrations …`: Coinslot's SQL in a Supabase project of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from coinslot.cli.command_group import command_group
from coinslot.cli.terminal import AWAY, REFUSED, AsJson, Terminal, err, fail, out

if TYPE_CHECKING:
    from coinslot.installation.choices import Choices
    from coinslot.installation.folder import MigrationFolder

app = command_group("Coinslot's migrations in your Supabase project.")

_BONUS = "--bonus-for-existing-users/--no-bonus-for-existing-users"


@app.callback()
def _group() -> None:
    """A group also while it has one command."""


@app.command()
def add(
    path: Annotated[
        Path, typer.Argument(help="A Supabase project, or its folder of migrations.")
    ] = Path(),
    *,
    mode: Annotated[
        Literal["test", "live"] | None,
        typer.Option(help="Which payments are money there; test by default."),
    ] = None,
    bonus: Annotated[
        bool | None,
        typer.Option(
            _BONUS,
            help="Do people who have signed up before get the sign-up bonus? Yes by default.",
        ),
    ] = None,
    profiles: Annotated[
        Literal["auto", "own", "none"] | None,
        typer.Option(
            help="auto: make a table profiles unless there is one. own: never. Both show the "
            "tokens on it. none: leave it alone. auto by default."
        ),
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            envvar="COINSLOT_DATABASE_URL",
            show_default=False,
            help="postgresql://…: first say what is in the way there. Better in the environment, "
            "where others cannot read the password.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be added, and add nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add the migrations that are missing, behind your newest one, with your choices in a file.

    Afterwards push them: supabase db push. Harmless to repeat.
    """
    from coinslot.installation.choices import Choices  # noqa: PLC0415 - `--help` does without it
    from coinslot.installation.folder import MigrationFolder  # noqa: PLC0415
    from coinslot.installation.refusal import DatabaseAway, InstallationRefused  # noqa: PLC0415

    default = Choices()
    chosen = Choices(
        mode or default.mode,
        default.bonus_for_existing_users if bonus is None else bonus,
        profiles or default.profiles,
    )
    asked = any(each is not None for each in (mode, bonus, profiles))
    try:
        folder = MigrationFolder(path)
        said = err if as_json else out
        added = _missing(folder, chosen if asked else None, database_url, said)
        if not dry_run:
            folder.write_all(added)
    except InstallationRefused as refusal:
        fail(str(refusal), AWAY if isinstance(refusal, DatabaseAway) else REFUSED)
    if as_json:
        out.print_json({"folder": str(folder.path), "added": [*added], "dry_run": dry_run})
    else:
        _show(folder, added, dry_run=dry_run)


def _missing(
    folder: MigrationFolder, choices: Choices | None, database_url: str | None, said: Terminal
) -> dict[str, bytes]:
    from datetime import UTC, datetime  # noqa: PLC0415 - `--help` does without it

    from coinslot.installation.additions import additions, copies  # noqa: PLC0415
    from coinslot.installation.database import look_at  # noqa: PLC0415
    from coinslot.installation.folder import version_of  # noqa: PLC0415
    from coinslot.installation.shipped import database_check, shipped_migrations  # noqa: PLC0415

    files, shipped = folder.files(), shipped_migrations()
    missing = additions(files, shipped, choices, datetime.now(UTC))
    if database_url:
        names = copies(files, shipped).names.values()
        pushed = look_at(database_url, database_check(shipped[0]), set(map(version_of, names)))
        said.print(
            "Coinslot is in this database already."
            if pushed
            else "Nothing is in the way in this database."
        )
    return missing


def _show(folder: MigrationFolder, added: dict[str, bytes], *, dry_run: bool) -> None:
    if not added:
        out.print("Nothing is missing: all migrations of this version are there.")
        return
    out.print(f"{'Would be added' if dry_run else 'Added'} to {folder.path}:", markup=False)
    for name in added:
        out.print(f"  {name}", markup=False)
    if not dry_run:
        out.print("Push them with: supabase db push")
        out.print("Version 3 of the Supabase CLI wants: supabase db push --remote")
