"""The look at an app's database, before anything is pushed to it.

It needs psycopg, which the sidecar does not: the extra `postgres`. No message repeats an address,
which has the password in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from coinslot.installation.refusal import DatabaseAway, InstallationRefused

if TYPE_CHECKING:
    from collections.abc import Collection

    import psycopg
    from psycopg import Connection

_SECONDS = 10
_HISTORY = "supabase_migrations.schema_migrations"
_READABLE = """
select from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname || '.' || c.relname = %s
  and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
"""
_FORM = (
    "The database's address cannot be read: it has the form "
    "postgresql://user:password@host:5432/postgres, with %40 for @ and %2F for / in the password"
)


def look_at(address: str, check: str, versions: Collection[str]) -> bool:
    """True if one of these versions was pushed there before. Otherwise runs `check` there, which
    changes nothing, and raises `InstallationRefused` with all that is in the way."""
    try:
        import psycopg  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InstallationRefused(
            "To look at a database, install psycopg: pip install 'psycopg[binary]'"
        ) from error
    parameters = _parameters(address)
    try:
        with psycopg.connect(**parameters) as connection:
            connection.read_only = True
            there = _pushed(connection) & set(versions)
            if not there:
                connection.execute(check.encode())
            connection.rollback()
            return bool(there)
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        raise InstallationRefused(error.diag.message_primary or str(error)) from error
    except psycopg.OperationalError as error:
        raise DatabaseAway(_without_secret(error, parameters)) from error
    except psycopg.Error as error:
        raise InstallationRefused(_without_secret(error, parameters)) from error


def _pushed(connection: Connection[Any]) -> set[str]:
    """The versions in the history that the Supabase CLI keeps; none where it may not be read."""
    if connection.execute(_READABLE, [_HISTORY]).fetchone() is None:
        return set()
    rows = connection.execute(f"select version from {_HISTORY}".encode()).fetchall()  # noqa: S608
    return {version for (version,) in rows}


def _parameters(address: str) -> dict[str, Any]:
    from psycopg import ProgrammingError  # noqa: PLC0415 - an extra
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    try:
        found = conninfo_to_dict(address)
    except ProgrammingError:
        raise InstallationRefused(_FORM) from None
    # A password that is not encoded ends up in one of these.
    misread = [str(found.get(name, "")) for name in ("host", "dbname")]
    port = str(found.get("port") or 5432)
    if not found or any("@" in each for each in misread) or not re.fullmatch(r"[\d,]+", port):
        raise InstallationRefused(_FORM)
    return {"connect_timeout": _SECONDS, **found}


def _without_secret(error: psycopg.Error, parameters: dict[str, Any]) -> str:
    said = " ".join((error.diag.message_primary or str(error)).split())
    if password := parameters.get("password"):
        said = said.replace(str(password), "***")
    return f"The database cannot be looked at: {said}"
