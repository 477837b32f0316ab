"""Backups of every usual kind, restored: what each loses, what the check says, how it is mended."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from devstack.postgres import SUPERUSER
from tests.database.inhabitants import Inhabitants
from tests.database.people import Bank
from tests.database.restorations import (
    DATA,
    Shop,
    bare,
    lived_in,
    new_project,
    prepare_public,
    problems,
    repair,
    restored,
    written,
)
from tests.support.clusters import Cluster
from tests.support.dumps import (
    OURS,
    REPLICA,
    dump,
    psql,
    restore_archive,
    rows,
    supabase_dump,
)

AUTH_TRIGGERS = [
    *("coinslot_identity_linked on auth.identities", "coinslot_profile_created on auth.users"),
    *("coinslot_user_changed on auth.users", "coinslot_user_created on auth.users"),
    *("coinslot_user_deleted on auth.users", "coinslot_user_identified on auth.users"),
    "coinslot_user_reidentified on auth.users",
]


@pytest.fixture(
    scope="module", params=["cluster", pytest.param("cluster_15", marks=pytest.mark.proof)]
)
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    cluster: Cluster = request.getfixturevalue(request.param)
    with psycopg.connect(cluster.url("postgres", SUPERUSER), autocommit=True) as owner:
        # As hosted projects have it.
        owner.execute("grant set on parameter session_replication_role to postgres")
    with cluster.clone(cluster.template("strict")) as name:
        with closing(Bank(cluster.url(name))) as bank:
            others = Inhabitants.settle(bank)
            buyer = lived_in(bank)
            assert problems(bank) == []
        yield Shop(cluster, name, buyer, others)


# ---- a whole database ----


@pytest.mark.proof
def test_a_whole_database_loses_nothing(shop: Shop, tmp_path: Path) -> None:
    archive = tmp_path / "whole.dump"
    told = ("--format", "custom", "--file", str(archive))
    dump(shop.cluster, shop.database, *told, role=SUPERUSER)
    with bare(shop.cluster) as name:
        restore_archive(shop.cluster, name, archive)
        with restored(shop, name) as bank:
            assert problems(bank) == []


# ---- Coinslot's two schemas, and Auth's rows ----


def test_two_schemas_lose_the_triggers_of_auth(shop: Shop, tmp_path: Path) -> None:
    told = dump(shop.cluster, shop.database, "--clean", "--if-exists", *OURS)
    whole = written(tmp_path, "schemas.sql", told)
    users = written(
        tmp_path, "users.sql", dump(shop.cluster, shop.database, "--data-only", "--schema", "auth")
    )
    with shop.cluster.unmigrated() as name:
        psql(shop.cluster, name, "--command", REPLICA, "--file", users, "--file", whole)
        with restored(shop, name) as bank:
            assert problems(bank) == [("trigger_missing", each) for each in AUTH_TRIGGERS]
            repair(bank)


@pytest.mark.proof
def test_schema_then_data_loses_the_triggers_of_auth(shop: Shop, tmp_path: Path) -> None:
    schema = written(
        tmp_path, "schema.sql", dump(shop.cluster, shop.database, "--schema-only", *OURS)
    )
    data = written(tmp_path, "data.sql", dump(shop.cluster, shop.database, *DATA))
    with shop.cluster.unmigrated() as name:
        prepare_public(shop.cluster, name)
        told = ("--file", schema, "--command", REPLICA, "--file", data)
        psql(shop.cluster, name, *told)
        with restored(shop, name) as bank:
            assert problems(bank) == [("trigger_missing", each) for each in AUTH_TRIGGERS]
            repair(bank)


@pytest.mark.proof
def test_a_schema_alone_gets_the_rows_of_the_release_again(shop: Shop, tmp_path: Path) -> None:
    """As after a squash of migrations."""
    schema = written(
        tmp_path, "schema.sql", dump(shop.cluster, shop.database, "--schema-only", *OURS)
    )
    with shop.cluster.unmigrated() as name:
        prepare_public(shop.cluster, name)
        psql(shop.cluster, name, "--file", schema)
        with closing(Bank(shop.cluster.url(name))) as bank:
            found = {code for code, _ in problems(bank)}
            assert found == {"rows_missing", "settings_missing", "trigger_missing"}
            repair(bank)
            assert problems(bank) == []


# ---- data alone, into a project that has just been migrated ----


def test_data_alone_fits_a_new_project_that_is_prepared(shop: Shop, tmp_path: Path) -> None:
    data = written(tmp_path, "data.sql", dump(shop.cluster, shop.database, *DATA))
    with new_project(shop.cluster) as name:
        prepare = ("--command", "select coinslot.prepare_restore()", "--command", REPLICA)
        psql(shop.cluster, name, *prepare, "--file", data)
        with restored(shop, name) as bank:
            assert problems(bank) == []


def test_data_alone_changes_nothing_in_a_project_that_is_not_prepared(
    shop: Shop, tmp_path: Path
) -> None:
    data = written(tmp_path, "data.sql", dump(shop.cluster, shop.database, *DATA))
    with new_project(shop.cluster) as name:
        before = rows(shop.cluster, name)
        with pytest.raises(subprocess.CalledProcessError) as refused:
            psql(shop.cluster, name, "--command", REPLICA, "--file", data)
        assert "duplicate key value" in refused.value.stderr
        assert rows(shop.cluster, name) == before


def test_data_that_goes_on_after_errors_leaves_another_salt(shop: Shop, tmp_path: Path) -> None:
    """Its users could get the bonus again, and the check says so."""
    data = written(tmp_path, "data.sql", dump(shop.cluster, shop.database, *DATA))
    with new_project(shop.cluster) as name:
        heedless = ("--no-psqlrc", "--quiet", "--command", REPLICA, "--file", data)
        program = shop.cluster.placement.bin_dir / "psql"
        subprocess.run(
            [program, *heedless, shop.cluster.url(name)], check=True, capture_output=True
        )
        with closing(Bank(shop.cluster.url(name))) as bank:
            assert problems(bank) == [("identities_lost", "coinslot.identities")]
            with closing(Bank(shop.cluster.url(shop.database))) as source:
                [right] = source.rows("select identity_salt from coinslot.settings")
            bank.change("update coinslot.settings set identity_salt = %s", right["identity_salt"])
            assert problems(bank) == []


@pytest.mark.proof
def test_data_of_an_older_release_gets_the_rows_of_the_newer(shop: Shop, tmp_path: Path) -> None:
    with shop.cluster.clone(shop.database) as older:
        with closing(Bank(shop.cluster.url(older))) as bank:
            bank.change("delete from coinslot.errors where message = 'last_owner'")
            bank.change("delete from coinslot.gateways where id = 'stripe'")
        data = written(tmp_path, "data.sql", dump(shop.cluster, older, *DATA))
    with new_project(shop.cluster) as name:
        prepare = ("--command", "select coinslot.prepare_restore()", "--command", REPLICA)
        psql(shop.cluster, name, *prepare, "--file", data)
        with restored(shop, name) as bank:
            assert problems(bank) == [
                ("rows_missing", "coinslot.errors last_owner"),
                ("rows_missing", "coinslot.gateways stripe"),
            ]
            repair(bank)


def test_nothing_is_emptied_where_anybody_has_a_wallet(shop: Shop) -> None:
    before = shop.rows()
    with (
        psycopg.connect(shop.cluster.url(shop.database)) as connection,
        pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="new project"),
    ):
        connection.execute("select coinslot.prepare_restore()")
    assert shop.rows() == before


def test_everything_that_the_migrations_wrote_is_emptied(shop: Shop) -> None:
    with new_project(shop.cluster) as name:
        psql(shop.cluster, name, "--command", "select coinslot.prepare_restore()")
        assert [row for row in rows(shop.cluster, name) if row.startswith("INSERT")] == []


# ---- the script of the Supabase CLI ----


@pytest.mark.proof
def test_supabase_dumps_lose_the_triggers_of_auth(shop: Shop, tmp_path: Path) -> None:
    schema = written(tmp_path, "schema.sql", supabase_dump(shop.cluster, shop.database))
    data = written(tmp_path, "data.sql", supabase_dump(shop.cluster, shop.database, "--data-only"))
    with shop.cluster.unmigrated() as name:
        told = ("--file", schema, "--command", REPLICA, "--file", data)
        psql(shop.cluster, name, *told)
        with restored(shop, name) as bank:
            assert problems(bank) == [
                # The script leaves out every line of a grant that has the word "auth" in it.
                ("grants_added", "coinslot.identities_of(auth.users, boolean)"),
                ("grants_added", "coinslot.may_act(auth.users)"),
                *(("trigger_missing", each) for each in AUTH_TRIGGERS),
            ]
            repair(bank)


@pytest.mark.proof
def test_supabase_data_fits_a_new_project_that_is_prepared(shop: Shop, tmp_path: Path) -> None:
    data = written(tmp_path, "data.sql", supabase_dump(shop.cluster, shop.database, "--data-only"))
    with new_project(shop.cluster) as name:
        prepare = ("--command", "select coinslot.prepare_restore()")
        psql(shop.cluster, name, *prepare, "--file", data)
        with restored(shop, name) as bank:
            assert problems(bank) == []


# ---- another Postgres ----


@pytest.mark.proof
def test_a_dump_of_postgres_15_is_whole_on_18(
    cluster: Cluster, cluster_15: Cluster, tmp_path: Path
) -> None:
    with cluster_15.clone(cluster_15.template("strict")) as old:
        whole = written(tmp_path, "schemas.sql", dump(cluster_15, old, *OURS))
    with cluster.unmigrated() as name:
        prepare_public(cluster, name)
        psql(cluster, name, "--file", whole)
        with closing(Bank(cluster.url(name))) as bank:
            repair(bank)
            assert problems(bank) == []
