"""Files that are no Python: beside the package in a checkout, within it in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_SUPABASE_JS = "node_modules/@supabase/supabase-js/dist/umd/supabase.js"

WEB = next(
    (each for each in (_PACKAGE / "web", _PACKAGE.parent / "web") if each.is_dir()),
    _PACKAGE / "web",
)
"""The components and the pages."""

MIGRATIONS = next(
    (
        each
        for each in (_PACKAGE / "migrations", _PACKAGE.parents[1] / "supabase/migrations")
        if each.is_dir()
    ),
    _PACKAGE / "migrations",
)
"""The SQL of the database."""

SUPABASE_JS = next(
    (
        each
        for each in (_PACKAGE / "vendor/supabase.js", _PACKAGE.parents[1] / _SUPABASE_JS)
        if each.is_file()
    ),
    _PACKAGE / "vendor/supabase.js",
)
"""supabase-js, for the store page."""
