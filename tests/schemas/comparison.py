"""Two databases compared: one as the migrations leave it, one as the schemas describe it.

`pg_dump` tells all of both: owners, grants, triggers on Auth's tables, publications, comments,
storage. The Supabase CLI, which developers compare with, is asked as well where there is time; it
does not see all of that, as storage, domains and comments on indexes. Neither sees the settings of
a database, or rows: those that rules refer to are compared apart.
"""

from __future__ import annotations

import difflib
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from devstack import tools
from devstack.postgres import SUPERUSER
from devstack.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from devstack.postgres import Grants
    from tests.support.clusters import Cluster

    View = Callable[[Cluster, str], dict[str, str]]

SCHEMAS = ROOT / "supabase" / "schemas"
# Their rows are part of what a release is.
REFERENCE_TABLES = (
    "coinslot.charges",
    "coinslot.errors",
    "coinslot.gateways",
    "coinslot.payment_statuses",
    "coinslot.payment_transitions",
    "coinslot.settings",
    "public.token_features",
    "public.token_prices",
    "public.token_products",
)
# What changes from run to run, or says nothing about the schema.
_NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*)$", re.M)
# It tells once more, and in one line, what all the rest tells.
_MANIFEST = re.compile(r"(CREATE FUNCTION coinslot\.manifest\(\).*?AS ).*?;$", re.M | re.S)
_SETTINGS = """
select r.setrole::regrole::text, r.setconfig from pg_db_role_setting r
join pg_database d on d.oid = r.setdatabase where d.datname = current_database() order by 1
"""
# Made by chance in each database.
_OWN = {"coinslot.settings": ("identity_salt", "documents_since")}


def differences(cluster: Cluster, grants: Grants, *views: View) -> list[str]:
    """The lines in which a migrated database is not what the schemas say, under these grants."""
    migrated = cluster.template(grants)
    with cluster.unmigrated(grants) as described:
        apply(cluster, described)
        return [
            line
            for view in views
            for line in difference(view(cluster, described), view(cluster, migrated))
        ]


def apply(cluster: Cluster, database: str, schemas: Path = SCHEMAS) -> None:
    """Makes what the files describe, in their order; a body may name what comes later."""
    with psycopg.connect(cluster.url(database)) as connection:
        connection.execute("set check_function_bodies = off")
        for file in sorted(schemas.glob("*.sql")):
            connection.execute(file.read_bytes())


def dump(cluster: Cluster, database: str) -> dict[str, str]:
    """Everything but rows, and but what the CLI notes about migrations."""
    program = cluster.placement.bin_dir / "pg_dump"
    arguments = ("--schema-only", "--exclude-schema", "supabase_migrations")
    url = cluster.url(database, SUPERUSER)
    result = subprocess.run([program, *arguments, url], check=True, capture_output=True, text=True)
    return {
        "dump": re.sub(r"\n{2,}", "\n\n", _NOISE.sub("", _MANIFEST.sub(r"\1…;", result.stdout)))
    }


def objects(cluster: Cluster, database: str) -> dict[str, str]:
    """Every object as the CLI writes it, by its file. It overwrites and deletes where it writes."""
    with tempfile.TemporaryDirectory() as folder:
        settings = cluster.settings.model_copy(update={"project_dir": Path(folder)})
        tools.supabase(settings, "db", "schema", "declarative", "generate", database=database)
        written = Path(folder) / "supabase" / "schemas"
        found = {
            str(file.relative_to(written)): file.read_text() for file in written.rglob("*.sql")
        }
    if not any(name.startswith("coinslot/") for name in found):
        message = f"the Supabase CLI wrote nothing of Coinslot: {sorted(found)}"
        raise ValueError(message)
    return found


def reference_rows(cluster: Cluster, database: str) -> dict[str, str]:
    """The rows of each table that is part of a release, and what is set for the database."""
    found = {}
    with psycopg.connect(cluster.url(database)) as connection:
        for table in REFERENCE_TABLES:
            query = sql.SQL("select to_jsonb(t) - %s::text[] from {} t order by 1").format(
                sql.Identifier(*table.split("."))
            )
            rows = connection.execute(query, [list(_OWN.get(table, ()))])
            found[f"rows of {table}"] = "".join(f"{row}\n" for (row,) in rows)
        found["settings of the database"] = str(connection.execute(_SETTINGS).fetchall())
    return found


def difference(described: dict[str, str], migrated: dict[str, str]) -> list[str]:
    return [
        line
        for name in sorted(described.keys() | migrated.keys())
        for line in difflib.unified_diff(
            described.get(name, "").splitlines(),
            migrated.get(name, "").splitlines(),
            f"schemas: {name}",
            f"migrations: {name}",
            n=2,
            lineterm="",
        )
    ]
