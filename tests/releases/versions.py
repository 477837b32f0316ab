"""The versions that program and database tell of themselves, held together.

The program's stand in `sidecar/coinslot/release.py`, the database's in the last migration that
makes `coinslot.schema_version()` and `coinslot.oldest_sidecar()`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from coinslot.release import order
from tests.releases.checksums import releases, unreleased

if TYPE_CHECKING:
    from pathlib import Path

_RELEASE = "sidecar/coinslot/release.py"
_PROGRAM = re.compile(r'^(VERSION|OLDEST_SCHEMA) = "([^"]*)"$', re.M)
_DATABASE = re.compile(
    r"^create (?:or replace )?function coinslot\.(schema_version|oldest_sidecar)\(\)"
    r"[^;]*?\breturn '([^']*)';",
    re.M,
)
# A release works with the two before it.
_KEPT = 2


class Versions(NamedTuple):
    program: str
    oldest_schema: str
    schema: str
    oldest_sidecar: str


def told(root: Path) -> Versions:
    """The versions in a working copy."""
    program = dict(_PROGRAM.findall((root / _RELEASE).read_text()))
    database = dict(_DATABASE.findall(definer(root).read_text()))
    return Versions(
        program["VERSION"],
        program["OLDEST_SCHEMA"],
        database["schema_version"],
        database["oldest_sidecar"],
    )


def set_program(root: Path, **versions: str) -> None:
    """Writes `VERSION` or `OLDEST_SCHEMA` of the program."""
    file = root / _RELEASE
    text = file.read_text()
    for name, version in versions.items():
        text = re.sub(rf'^{name} = ".*"$', f'{name} = "{version}"', text, flags=re.M)
    file.write_text(text)


def definer(root: Path) -> Path:
    """The last migration that says which release a database is at."""
    files = sorted((root / "supabase" / "migrations").glob("*.sql"))
    return [file for file in files if _DATABASE.search(file.read_text())][-1]


def rename(root: Path, version: str) -> None:
    """Gives what is not released yet this version, wherever it tells its own."""
    old = told(root).program
    files = [root / _RELEASE, *(root / "supabase" / "schemas").glob("*_schema_version.sql")]
    if definer(root) in unreleased(root / "supabase"):
        files.append(definer(root))
    for file in files:
        text = file.read_text()
        file.write_text(
            text.replace(f'"{old}"', f'"{version}"').replace(f"'{old}'", f"'{version}'")
        )


def problems(root: Path) -> list[str]:
    """One sentence for each version that is not what it has to be."""
    found, expected, kept = told(root), _schema(root), _oldest_kept(root)
    sentences = []
    if found.schema != expected:
        sentences.append(f"coinslot.schema_version() is {found.schema}, it has to be {expected}")
    if not _made_last(root):
        sentences.append(
            "the last migration of a release has to make coinslot.schema_version() and"
            f" coinslot.oldest_sidecar() anew: {definer(root).name} is not the last"
        )
    if order(found.oldest_schema) > order(found.program):
        sentences.append(f"OLDEST_SCHEMA {found.oldest_schema} is after VERSION {found.program}")
    if order(found.oldest_sidecar) > order(kept):
        sentences.append(
            f"coinslot.oldest_sidecar() is {found.oldest_sidecar}, two releases back is {kept}"
        )
    return sentences


def _schema(root: Path) -> str:
    """The version that the database has to tell: this one, or the last that changed it."""
    if unreleased(root / "supabase"):
        return told(root).program
    return [each.version for each in releases(root / "supabase") if each.sums][-1]


def _made_last(root: Path) -> bool:
    """True also before the first release, which is pushed as a whole or not at all."""
    new = unreleased(root / "supabase")
    return not releases(root / "supabase") or not new or definer(root) == new[-1]


def _oldest_kept(root: Path) -> str:
    """The first patch of the release that is two before this one, or of the first there was."""
    versions = [*(each.version for each in releases(root / "supabase")), told(root).program]
    first: dict[tuple[int, ...], str] = {}
    for version in versions:
        first.setdefault(order(version)[:2], version)
    return list(first.values())[-1 - _KEPT :][0]
