"""A mutant, and how its patches are applied: each fits exactly, or it is an error."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]


class DoesNotFit(Exception):  # noqa: N818 - a verdict on the patch
    """The schema or the package has changed, and the patch has not followed."""


@dataclass(frozen=True)
class Rewrite:
    """Of a function in the database: what occurs once in its source, replaced."""

    function: str
    old: str
    new: str

    def apply(self, connection: Connection) -> None:
        query = "select pg_get_functiondef(%s::regproc)"
        row = connection.execute(query, [self.function]).fetchone()
        assert row
        connection.execute(_replaced(row[0], self.old, self.new, self.function))


@dataclass(frozen=True)
class Run:
    """A statement of somebody with the owner's password, or of a careless migration."""

    statement: str

    def apply(self, connection: Connection) -> None:
        connection.execute(self.statement)


@dataclass(frozen=True)
class Edit:
    """Of a file of the sidecar."""

    path: str
    old: str
    new: str

    def apply(self, root: Path) -> None:
        file = root / self.path
        file.write_text(_replaced(file.read_text(), self.old, self.new, self.path))


@dataclass(frozen=True)
class SqlMutant:
    name: str
    breaks: str
    patch: tuple[Rewrite | Run, ...]
    proof: tuple[str, ...]
    """Test files of pgTAP and node ids of pytest, the likeliest to notice first."""

    def apply(self, connection: Connection) -> None:
        self.fit(connection)
        # Or the check of an installation would notice every one, and its own rules were not proved.
        connection.execute("select coinslot.write_manifest()")

    def fit(self, connection: Connection) -> None:
        """The patch alone, of which the check of an installation would tell."""
        for part in self.patch:
            try:
                part.apply(connection)
            except psycopg.Error as error:
                message = f"{self.name}: {error}"
                raise DoesNotFit(message) from error


@dataclass(frozen=True)
class SidecarMutant:
    name: str
    breaks: str
    patch: Edit
    proof: tuple[str, ...]

    def apply(self, root: Path) -> None:
        self.patch.apply(root)


Mutant = SqlMutant | SidecarMutant


def _replaced(source: str, old: str, new: str, where: str) -> str:
    found = source.count(old)
    if found != 1:
        message = f"{where}: {found} times {old!r}, not once"
        raise DoesNotFit(message)
    return source.replace(old, new)
