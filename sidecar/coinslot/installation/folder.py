"""The folder in which an app keeps its migrations."""

from __future__ import annotations

import re
from pathlib import Path

from coinslot.installation.refusal import InstallationRefused

# As the Supabase CLI tells a migration from other files, and compares versions: as text.
_MIGRATION = re.compile(r"(\d+)_.*\.sql")


class MigrationFolder:
    """`supabase/migrations` of an app. Raises `InstallationRefused` for what the disk refuses."""

    def __init__(self, path: Path) -> None:
        """`path` is the project, its folder `supabase`, or the folder of migrations itself."""
        try:
            self.path = _migrations_of(path)
        except OSError as error:
            raise _refused(error, path) from error

    def files(self) -> dict[str, bytes]:
        """The text of each migration by the name of its file, in order."""
        try:
            if not self.path.exists():
                return {}
            names = sorted(file.name for file in self.path.iterdir() if file.is_file())
            return {
                name: (self.path / name).read_bytes()
                for name in names
                if _MIGRATION.fullmatch(name)
            }
        except OSError as error:
            raise _refused(error, self.path) from error

    def write_all(self, files: dict[str, bytes]) -> None:
        """In order, and each whole or not at all: what breaks off here is completed later."""
        for name, text in files.items():
            self._write(name, text)

    def _write(self, name: str, text: bytes) -> None:
        part = self.path / f".{name}.part"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                part.write_bytes(text)
                part.replace(self.path / name)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise _refused(error, part) from error


def version_of(name: str) -> str:
    """The digits that a migration's name begins with."""
    return name.partition("_")[0]


def _migrations_of(path: Path) -> Path:
    here = path.resolve()
    projects = (here / "supabase", here, *([here.parent] if here.name == "migrations" else []))
    for project in projects:
        if (project / "config.toml").is_file():
            return project / "migrations"
    message = (
        f"{path} is no Supabase project: it has no supabase/config.toml. "
        "Name the project's folder, or make a project with `supabase init`"
    )
    raise InstallationRefused(message)


def _refused(error: OSError, path: Path) -> InstallationRefused:
    return InstallationRefused(f"{error.filename or path}: {error.strerror or error}")
