"""Files that are no Python: beside the package in a checkout, within it in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
WEB = next(
    (each for each in (_PACKAGE / "web", _PACKAGE.parents[1] / "build/web") if each.is_dir()),
    _PACKAGE.parents[1] / "build/web",
)
"""The components and the pages, as `make web` builds them."""

MIGRATIONS = next(
    (
        each
        for each in (_PACKAGE / "migrations", _PACKAGE.parents[1] / "supabase/migrations")
        if each.is_dir()
    ),
    _PACKAGE / "migrations",
)
"""The SQL of the database."""
