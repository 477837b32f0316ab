"""Databases as an earlier release left them, to be taken to this checkout."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from devstack import tools
from devstack.settings import ROOT
from tests.releases import checksums
from tests.releases.copies import copied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.clusters import Cluster


@contextmanager
def at_release(cluster: Cluster, version: str) -> Iterator[str]:
    """The name of a database with the migrations of this release and of those before it."""
    with tempfile.TemporaryDirectory() as folder, cluster.unmigrated() as name:
        root = copied(Path(folder), ("supabase",))
        for file in set((root / "supabase/migrations").glob("*.sql")) - _until(root, version):
            file.unlink()
        push(cluster, name, root)
        yield name


def push(cluster: Cluster, name: str, root: Path = ROOT) -> None:
    """The migrations that the database does not have yet, as anybody pushes them."""
    settings = cluster.settings.model_copy(update={"project_dir": root})
    tools.supabase(settings, "db", "push", database=name)


def _until(root: Path, version: str) -> set[Path]:
    files: set[Path] = set()
    for release in checksums.releases(root / "supabase"):
        files |= {root / "supabase/migrations" / name for name in release.sums}
        if release.version == version:
            return files
    raise ValueError(version)
