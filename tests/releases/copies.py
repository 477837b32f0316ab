"""Working copies of this checkout in which a test may release what it likes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from devstack.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Everything that making a release reads or writes.
RELEASED = ("supabase", "sidecar/coinslot/release.py", "CHANGELOG.md")
_CACHES = shutil.ignore_patterns("__pycache__", ".*")


def copied(folder: Path, parts: Sequence[str] = RELEASED, source: Path = ROOT) -> Path:
    """A copy, in `folder`, of these files and folders."""
    for part in parts:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, folder / part, ignore=_CACHES)
        else:
            shutil.copy(source / part, folder / part)
    return folder


def migration(root: Path, name: str, text: str) -> Path:
    file = root / "supabase" / "migrations" / name
    file.write_text(text)
    return file


def telling(schema: str, oldest_sidecar: str) -> str:
    """The end of a release's last migration."""
    return "\n".join(
        f"create or replace function coinslot.{name}() returns text\n"
        "language sql immutable parallel safe set search_path = ''\n"
        f"return '{version}';\n"
        for name, version in (("schema_version", schema), ("oldest_sidecar", oldest_sidecar))
    )
