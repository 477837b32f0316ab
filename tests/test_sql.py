"""Runs sql_tests/*.test.sql: on the oldest and the newest Postgres, under both default grants.

Which grants a database came with shows in nothing but who may do what with which object, and of
that the file of privileges asserts everything there is: it alone runs in all four combinations. The
others run in two of them, so that each has met either Postgres and either kind of grants, and in
all four with `PROOFS=1`.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import get_args

import psycopg
import pytest
from psycopg.rows import dict_row

from devstack.postgres import SUPERUSER, Grants
from devstack.settings import ROOT
from tests.support import pgtap
from tests.support.clusters import Cluster, require
from tests.support.pgtap import Result, judge
from tests.support.sizes import PROOFS

PRIVILEGES = "01_privileges.test.sql"
FILES = sorted((ROOT / "sql_tests").glob("*.test.sql"))
# A trigger function is checked with each table it is a trigger of; one that is none's is an error.
_CHECK_FUNCTIONS = """
select p.oid::regprocedure::text as function, t.tgrelid::regclass::text as table_name,
  c.level, c.lineno, c.message, c.hint
from pg_proc p
join pg_language l on l.oid = p.prolang and l.lanname = 'plpgsql'
left join (
  select distinct tgfoid, tgrelid, tgoldtable, tgnewtable from pg_trigger where not tgisinternal
) t on t.tgfoid = p.oid
cross join lateral extensions.plpgsql_check_function_tb(
  p.oid, relid => coalesce(t.tgrelid, 0), fatal_errors => false, oldtable => t.tgoldtable,
  newtable => t.tgnewtable
) c
where c.message not like 'composite OUT variable % is not single argument'  -- sound, and ours
and p.pronamespace in ('public'::regnamespace, 'coinslot'::regnamespace)
"""


def _combinations() -> list[tuple[str, Grants, Path]]:
    """The server, the grants and the file, one server after the other."""
    usual = {("cluster", "strict"), ("cluster_15", "permissive")}
    return [
        (server, grants, file)
        for server, grants in product(("cluster", "cluster_15"), get_args(Grants))
        for file in FILES
        if PROOFS or file.name == PRIVILEGES or (server, grants) in usual
    ]


def _name(part: object) -> str:
    return part.name.removesuffix(".test.sql") if isinstance(part, Path) else str(part)


@pytest.mark.parametrize(("server", "grants", "file"), _combinations(), ids=_name)
def test_sql(server: str, grants: Grants, file: Path, request: pytest.FixtureRequest) -> None:
    cluster: Cluster = request.getfixturevalue(server)
    if server == "cluster_15":
        require("postgresql-15-pgtap", _has_extension(cluster, "pgtap"), "no pgTAP for Postgres 15")
    with cluster.clone(cluster.pgtap_template(grants)) as database:
        result = pgtap.run(cluster, file, database)
    assert not result.problems, "\n".join([*result.problems, "", result.output])


def test_every_file_meets_either_server_and_either_kind_of_grants() -> None:
    met = {(part, file) for *parts, file in _combinations() for part in parts}
    assert met == set(product(("cluster", "cluster_15", *get_args(Grants)), FILES))
    assert len([file for *_, file in _combinations() if file.name == PRIVILEGES]) == 4


def test_every_plpgsql_function_passes_plpgsql_check(cluster_15: Cluster) -> None:
    installed = _has_extension(cluster_15, "plpgsql_check")
    require("postgresql-15-plpgsql-check", installed, "no plpgsql_check for Postgres 15")
    with cluster_15.clone(cluster_15.template("strict")) as database:
        url = cluster_15.url(database, SUPERUSER)
        with psycopg.connect(url, row_factory=dict_row) as connection:
            connection.execute("create extension plpgsql_check with schema extensions")
            # For the trigger function that only an app's table has.
            connection.execute("create table public.old_payments ()")
            connection.execute("select coinslot.close_table('public.old_payments')")
            found = connection.execute(_CHECK_FUNCTIONS).fetchall()
            checked = connection.execute(
                "select count(*) as functions from pg_proc p"
                " join pg_language l on l.oid = p.prolang"
                " where l.lanname = 'plpgsql' and p.pronamespace = 'coinslot'::regnamespace"
            ).fetchone()
    assert checked
    assert checked["functions"] > 0
    assert not found, "\n".join(str(row) for row in found)


@pytest.mark.parametrize(
    ("output", "errors", "status"),
    [
        ("1..1\nnot ok 1 - a", "", 0),
        ("1..2\nok 1 - a", "", 0),
        ("1..1\nok 1 - a\nok 2 - b", "", 0),
        ("1..2\nok 1 - a\nok 1 - a", "", 0),
        ("ok 1 - a", "", 0),
        ("1..1\nok 1 - a\n1..1", "", 0),
        ("1..0", "", 0),
        ("", "", 0),
        ("1..1\nok 1 - a # SKIP not today", "", 0),
        ("1..1\nok 1 - a # TODO later", "", 0),
        ("1..1\nok 1 - a", "psql:x.sql:3: ERROR:  relation", 3),
        ("1..1\nok 1 - a", "psql:x.sql:3: ERROR:  relation", 0),
        ("1..1\nok 1 - a", "", 2),
    ],
)
def test_a_test_file_that_proves_nothing_fails(output: str, errors: str, status: int) -> None:
    assert judge(output, errors, status).problems


def test_a_test_file_that_passes_passes() -> None:
    assert judge("1..2\nok 1 - a\nok 2 - b", "NOTICE:  fine", 0) == Result(2, [])


def _has_extension(cluster: Cluster, name: str) -> bool:
    with psycopg.connect(cluster.url("postgres")) as connection:
        found = connection.execute("select from pg_available_extensions where name = %s", [name])
        return found.rowcount == 1
