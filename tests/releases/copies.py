"""Working copies of this checkout in which a test may release what it likes."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.settings import ROOT
from tests.releases import checksums, release, versions

if TYPE_CHECKING:
    from collections.abc import Sequence

# Everything that making a release reads or writes.
RELEASED = ("supabase", "sidecar/coinslot/release.py", "CHANGELOG.md")
# The same, and all of the sidecar.
WHOLE = ("supabase", "sidecar", "CHANGELOG.md")
NEXT = Path(__file__).parent / "next"
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


def checked_out(revision: str, folder: Path) -> Path:
    """The files of a release and its sidecar, as a commit or tag has them."""
    folder.mkdir(parents=True)
    git = ("git", "-C", str(ROOT), "archive", revision, "--", *WHOLE)
    archive = subprocess.run(git, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def revision_of(version: str) -> str:
    """The tag of a release. Where a clone came without tags, the commit that listed its files."""
    tag = f"v{version}"
    if _git("tag", "--list", tag):
        return tag
    listed = f"-S# {version}\n"
    found = _git("log", "--reverse", "--format=%H", listed, "--", "supabase/released.sha256")
    if not found:
        message = f"no commit of this clone released {version}: fetch its history, or the tag {tag}"
        raise ValueError(message)
    return found[0]


def _git(*arguments: str) -> list[str]:
    git = ("git", "-C", str(ROOT), *arguments)
    return subprocess.run(git, check=True, capture_output=True, text=True).stdout.split()


def candidate_of(version: str) -> str:
    """The first candidate of the release that is being worked on."""
    return f"{version.partition('.dev')[0].partition('rc')[0]}rc1"


def next_release(folder: Path, source: Path, version: str) -> Path:
    """A release on top of another, whose sidecar needs its own schema."""
    root, before = copied(folder, WHOLE, source), versions.told(source)
    versions.set_program(root, VERSION=f"{version}.dev0", OLDEST_SCHEMA=f"{version}.dev0")
    for file in sorted(NEXT.glob("*.sql")):
        last = migration(root, file.name, file.read_text())
    told = telling(f"{version}.dev0", before.oldest_sidecar)
    last.write_text(last.read_text().replace(checksums.END, told + checksums.END))
    if problems := release.freeze(root, f"{version}rc1"):
        raise ValueError(problems)
    return root


def migration(root: Path, name: str, text: str) -> Path:
    file = root / "supabase" / "migrations" / name
    file.write_text(text)
    return file


def upgrade(*statements: str) -> str:
    """The one migration of a release after the first."""
    return "\n".join([checksums.BEGIN, *statements, checksums.END, ""])


def telling(schema: str, oldest_sidecar: str) -> str:
    """The end of a release's last migration."""
    return "\n".join(
        f"create or replace function coinslot.{name}() returns text\n"
        "language sql immutable parallel safe set search_path = ''\n"
        f"return '{version}';\n"
        for name, version in (("schema_version", schema), ("oldest_sidecar", oldest_sidecar))
    )
