"""The checksums of released migrations: a file that a release holds never changes again.

`supabase/released.sha256` lists them by release, as `sha256sum --check` reads it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devstack.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SUPABASE = ROOT / "supabase"
LIST = "released.sha256"
BEGIN = "select coinslot.begin_upgrade();"
END = "select coinslot.write_manifest();"
_HEADING = "# "
_MUST = ("must not", "has to")
_COMMENT = re.compile(r"^ *--.*$", re.M)


@dataclass(frozen=True)
class Release:
    version: str
    sums: dict[str, str]
    """The checksum of each migration that came with this release, by its name."""


def releases(supabase: Path) -> list[Release]:
    """All releases, the oldest first. `supabase` is the folder that holds `migrations`."""
    found: list[Release] = []
    file = supabase / LIST
    for line in file.read_text().splitlines() if file.exists() else []:
        if line.startswith(_HEADING):
            found.append(Release(line.removeprefix(_HEADING), {}))
        elif line:
            digest, name = line.split("  migrations/")
            found[-1].sums[name] = digest
    return found


def released(supabase: Path) -> dict[str, str]:
    return {name: digest for release in releases(supabase) for name, digest in release.sums.items()}


def unreleased(supabase: Path) -> list[Path]:
    """The migrations that may still be edited, in order."""
    known = released(supabase)
    return [file for file in _migrations(supabase) if file.name not in known]


def problems(supabase: Path) -> list[str]:
    """One sentence for each released file that is not as it was, and each new one before it."""
    known, present = released(supabase), {file.name: file for file in _migrations(supabase)}
    last = max(known, default="")
    return [
        *(f"{name} was released and is gone" for name in known if name not in present),
        *(
            f"{name} was released and has changed: put it back, and write a new migration"
            for name, digest in known.items()
            if name in present and sha256(present[name]) != digest
        ),
        *(
            f"{name} comes before {last}, which was released: give it a later time"
            for name in present
            if name not in known and name < last
        ),
        *(_not_one_upgrade(unreleased(supabase)) if known else ()),
    ]


def _not_one_upgrade(files: Sequence[Path]) -> Iterator[str]:
    """Files of one release for which the check of an installation would not know what they did,
    or would take for theirs what somebody did by hand."""
    for file in files:
        statements = _COMMENT.sub("", file.read_text()).strip()
        first, last = file == files[0], file == files[-1]
        if (statements.startswith(BEGIN), statements.count(BEGIN)) != (first, first):
            yield f"{file.name} {_MUST[first]} begin with {BEGIN}: the first of a release does"
        if (statements.endswith(END), statements.count(END)) != (last, last):
            yield f"{file.name} {_MUST[last]} end with {END}: the last of a release does"


def append(supabase: Path, version: str) -> None:
    """Lists every migration that no release holds as one of this release."""
    lines = [f"{sha256(file)}  migrations/{file.name}" for file in unreleased(supabase)]
    with (supabase / LIST).open("a") as file:
        file.write("\n".join([f"{_HEADING}{version}", *lines]) + "\n")


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _migrations(supabase: Path) -> list[Path]:
    return sorted((supabase / "migrations").glob("*.sql"))
