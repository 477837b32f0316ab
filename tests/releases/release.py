"""A release made: its version everywhere, its migrations frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.release import order
from tests.releases import checksums, versions

if TYPE_CHECKING:
    from pathlib import Path


def problems(root: Path) -> list[str]:
    return [*checksums.problems(root / "supabase"), *versions.problems(root)]


def freeze(root: Path, version: str) -> list[str]:
    """Makes this version of a working copy, or changes nothing and says what is in the way."""
    if refused := _in_the_way(root, version):
        return refused
    versions.rename(root, version)
    checksums.append(root / "supabase", version)
    return problems(root)


def _in_the_way(root: Path, version: str) -> list[str]:
    try:
        place = order(version)
    except ValueError as error:
        return [str(error)]
    past = [each.version for each in checksums.releases(root / "supabase")]
    found = problems(root)
    if past and place <= order(past[-1]):
        found.append(f"{version} does not come after {past[-1]}, which was released")
    if place < order(versions.told(root).program):
        found.append(f"{version} comes before {versions.told(root).program}, which this is")
    changes = (root / "CHANGELOG.md").read_text()
    if version.replace(".", "").isdigit() and f"\n## [{version}] - " not in changes:
        found.append(f"CHANGELOG.md has no heading `## [{version}] - ` and date")
    return found
