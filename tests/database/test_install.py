"""Installing into an app's database: what is in the way is said first, and Auth goes on working."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from devstack import postgres
from devstack.settings import ROOT
from tests.support.clusters import Cluster

MIGRATIONS = sorted((ROOT / "supabase/migrations").glob("*.sql"))
_OPTIONAL = {"profiles", "update_profile", "tokens"}
"""Names of the file that an app with profiles of its own leaves out."""

_NAMES = """
select c.relname from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'c')
union
select p.proname from pg_proc p where p.pronamespace = 'public'::regnamespace
"""


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[psycopg.Connection]:
    """A hosted-like database without Coinslot, as `postgres`."""
    with cluster.unmigrated() as name, psycopg.connect(cluster.url(name), autocommit=True) as made:
        yield made


def test_every_name_is_checked_before_anything_is_made(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url(cluster.template("strict"))) as connection:
        names = {name for (name,) in connection.execute(_NAMES)} - _OPTIONAL
        listed = connection.execute("select coinslot.public_names()").fetchone()
    assert listed == (sorted(names | {"tokens", "update_profile"}),)
    checked = re.findall(
        r"v_(?:relations|functions) constant text\[\] := array\[(.*?)\];", _first(), re.S
    )
    assert set(re.findall(r"'(\w+)'", "".join(checked))) == names
    assert {name for name in names if not name.startswith(("token_", "coinslot_"))} == {
        *("get_user_tokens", "spend_tokens", "spend_tokens_for", "add_tokens"),
        *("use_feature", "use_feature_for", "hold_tokens_for", "hold_feature_for"),
        *("capture_token_hold", "release_token_hold", "create_token_order", "cancel_token_order"),
        *("request_token_refund", "request_token_refund_for", "list_token_refunds"),
    }


def test_everything_in_the_way_is_said_at_once_and_nothing_is_changed(
    empty: psycopg.Connection,
) -> None:
    empty.execute("create table public.token_payments (id bigint)")
    empty.execute("create view public.token_offers as select 1 as id")
    empty.execute("create type public.token_receipt as enum ('paid')")
    empty.execute("create domain public.token_wallets as text")
    empty.execute("create function public.spend_tokens(x integer) returns integer return x")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState) as refused:
        empty.execute(_first().encode())
    assert refused.value.diag.message_primary is not None
    head, *problems = refused.value.diag.message_primary.splitlines()
    assert [head, *sorted(problems)] == [
        "Coinslot cannot be installed here yet, and nothing was changed:",
        "- function public.spend_tokens(x integer): the name is Coinslot's. Rename yours.",
        "- table public.token_payments: the name is Coinslot's. Rename yours.",
        "- type public.token_receipt: the name is Coinslot's. Rename yours.",
        "- type public.token_wallets: the name is Coinslot's. Rename yours.",
        "- view public.token_offers: the name is Coinslot's. Rename yours.",
    ]
    assert empty.execute("select to_regnamespace('coinslot')").fetchone() == (None,)


def test_an_auth_that_is_too_old_is_said(cluster: Cluster, empty: psycopg.Connection) -> None:
    with psycopg.connect(
        cluster.url(empty.info.dbname, postgres.SUPERUSER), autocommit=True
    ) as owner:
        owner.execute("alter table auth.users drop column is_anonymous cascade")
    with pytest.raises(
        psycopg.errors.ObjectNotInPrerequisiteState, match=r"auth\.users\.is_anonymous"
    ):
        empty.execute(_first().encode())


def test_coinslot_that_is_there_already_is_said(database: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="push only what is new"):
        database.execute(_first().encode())


def test_people_sign_up_and_are_deleted_wherever_a_push_stops(empty: psycopg.Connection) -> None:
    wallets = []
    for migration in MIGRATIONS:
        with empty.transaction():
            empty.execute(migration.read_bytes())
        wallets.append(_lives(empty))
    assert wallets.index(True) == len(MIGRATIONS) - 2, "Auth is touched before the last step"


def test_people_who_were_there_get_a_wallet_and_the_bonus(empty: psycopg.Connection) -> None:
    empty.execute(
        "insert into auth.users (id, email, email_confirmed_at) "
        "select gen_random_uuid(), n || '@example.com', now() from generate_series(1, 3) n"
    )
    for migration in MIGRATIONS:
        empty.execute(migration.read_bytes())
    assert empty.execute("select count(*), sum(tokens) from public.token_wallets").fetchall() == [
        (3, 15)
    ]


def _first() -> str:
    return Path(MIGRATIONS[0]).read_text()


def _lives(connection: psycopg.Connection) -> bool:
    """Signs somebody up, confirms and deletes them; true if they had a wallet."""
    made = (
        "insert into auth.users (id, email) values (gen_random_uuid(), 'a@example.com') "
        "returning id"
    )
    [(user,)] = connection.execute(made).fetchall()
    connection.execute("update auth.users set email_confirmed_at = now() where id = %s", [user])
    gone = connection.execute("delete from auth.users where id = %s returning id", [user])
    assert gone.rowcount == 1
    if connection.execute("select to_regclass('public.token_wallets')").fetchone() == (None,):
        return False
    wallet = connection.execute("select from public.token_wallets where user_id = %s", [user])
    return wallet.rowcount == 1
