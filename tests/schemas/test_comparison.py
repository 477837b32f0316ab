"""The schemas describe what the migrations make, and a difference is seen wherever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import psycopg
import pytest
from psycopg import sql

from devstack.postgres import SUPERUSER, Grants
from tests.schemas.comparison import (
    REFERENCE_TABLES,
    difference,
    differences,
    dump,
    objects,
    reference_rows,
)
from tests.support.sizes import PROOFS

if TYPE_CHECKING:
    from tests.support.clusters import Cluster

# A change, and the line by which it has to show.
CHANGES = {
    "alter function coinslot.fail(text, jsonb) owner to supabase_auth_admin": "owner to supabase_",
    "alter function coinslot.max_amount() parallel unsafe": "language plpgsql immutable\n",
    "alter function coinslot.refuse_change() set lock_timeout = '1s'": "lock_timeout",
    "drop trigger coinslot_user_created on auth.users": "trigger coinslot_user_created",
    "alter publication supabase_realtime add table public.token_wallets": "publication supabase",
    "alter table coinslot.webhooks set (fillfactor = 77)": "fillfactor",
    "alter index coinslot.refunds_pkey set (fillfactor = 55)": "fillfactor='55'",
    "alter table coinslot.errors force row level security": "force row level security",
    "alter table public.token_ledger disable trigger user": "disable trigger",
    "alter view public.token_offers set (security_invoker = false)": "security_invoker",
    "alter sequence coinslot.webhooks_id_seq increment 2": "increment by 2",
    "alter default privileges in schema coinslot grant select on tables to anon": "default priv",
    "grant select (kind) on coinslot.discrepancies to anon": "grant select(kind)",
    "comment on column public.token_ledger.kind is 'changed'": "column public.token_ledger.kind",
    "comment on index coinslot.webhooks_pkey is 'changed'": "index coinslot.webhooks_pkey",
    "alter table coinslot.audits alter column gateway set statistics 7": "set statistics 7",
    "alter table coinslot.audits alter column gateway set storage external": "set storage external",
    "create domain coinslot.extra as text": "domain coinslot.extra",
}


@pytest.mark.parametrize("grants", get_args(Grants))
def test_schemas_describe_what_migrations_make(cluster: Cluster, grants: Grants) -> None:
    # A dump shows all of it. The CLI shows less and takes long: it is asked for the proofs alone.
    asked = [objects] if PROOFS else []
    assert differences(cluster, grants, dump, reference_rows, *asked) == []


def test_every_kind_of_difference_is_seen(cluster: Cluster) -> None:
    migrated = cluster.template("strict")
    with cluster.clone(migrated) as changed:
        with psycopg.connect(cluster.url(changed, SUPERUSER)) as connection:
            for change in CHANGES:
                connection.execute(change.encode())
        found = difference(dump(cluster, migrated), dump(cluster, changed))
    seen = "".join(f"{line}\n" for line in found if line[:1] in "+-").lower()
    assert [change for change, line in CHANGES.items() if line not in seen] == []


def test_a_row_or_a_setting_that_differs_is_seen(cluster: Cluster) -> None:
    migrated = cluster.template("strict")
    with cluster.clone(migrated) as changed:
        with psycopg.connect(cluster.url(changed), autocommit=True) as connection:
            for table in REFERENCE_TABLES:
                connection.execute(
                    sql.SQL("delete from {0} where ctid = (select max(ctid) from {0})").format(
                        sql.Identifier(*table.split("."))
                    )
                )
            connection.execute(
                sql.SQL("alter database {} set work_mem = '5MB'").format(sql.Identifier(changed))
            )
        found = difference(reference_rows(cluster, migrated), reference_rows(cluster, changed))
    assert {line.rpartition(" ")[2] for line in found if line.startswith("+++")} == {
        *REFERENCE_TABLES,
        "database",
    }
