"""Installing into an app's database: what is in the way is said first, and Auth goes on working."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from coinslot.installation.choices import Choices
from devstack import postgres
from devstack.settings import ROOT
from tests.support.clusters import Cluster

MIGRATIONS = sorted((ROOT / "supabase/migrations").glob("*.sql"))
_OPTIONAL = {"profiles", "update_profile", "tokens"}
"""Names of the profiles' file, which leaves out those that an app has itself."""

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
        r"v_(?:relations|functions) constant text\[\] := array\[(.*?)\];", _all(), re.S
    )
    assert set(re.findall(r"'(\w+)'", "".join(checked))) == names
    assert {name for name in names if not name.startswith(("token_", "coinslot_"))} == {
        *("get_user_tokens", "spend_tokens", "spend_tokens_for", "add_tokens"),
        *("use_feature", "use_feature_for", "hold_tokens_for", "hold_feature_for"),
        *("capture_token_hold", "release_token_hold", "create_token_order", "cancel_token_order"),
        *("request_token_refund", "request_token_refund_for", "list_token_refunds"),
        *("merge_token_wallets", "extend_token_hold", "list_token_holds", "refund_spend_for"),
        *("accept_token_refund", "accept_token_refund_for"),
        *("void_token_orders", "void_token_orders_for"),
        *("list_token_lots", "list_expiring_tokens", "list_token_refills"),
        *("set_token_group_for", "set_token_refill", "set_token_tiers"),
        *("check_token_code", "redeem_token_code", "set_token_code", "set_token_promotion"),
        *("accept_token_invitation", "get_token_invitation"),
        *("get_token_document", "set_token_seller"),
        *("begin_token_method", "get_token_method", "list_token_methods", "remove_token_method"),
        *("subscribe_token_plan", "change_token_plan", "cancel_token_subscription"),
        *("pause_token_subscription", "resume_token_subscription", "pay_token_subscription"),
        *("set_token_subscription_method", "list_token_subscriptions", "get_unpaid_token_order"),
        *(
            "answer_token_price",
            "quote_token_plan",
            "upgrade_token_plan",
            "get_token_top_up",
            "set_token_top_up",
        ),
        *("stop_token_top_up", "list_token_mails", "set_token_mail"),
        *("add_token_endpoint", "list_token_endpoints", "set_token_endpoint"),
        *("rotate_token_endpoint", "test_token_endpoint", "replay_token_endpoint"),
        *("list_token_deliveries", "list_token_cash_receipts", "request_token_cash_receipt"),
        "withdraw_token_cash_receipt",
    }


def test_everything_in_the_way_is_said_at_once_and_nothing_is_changed(
    empty: psycopg.Connection,
) -> None:
    empty.execute("create table public.token_payments (id bigint)")
    empty.execute("create view public.token_offers as select 1 as id")
    empty.execute("create type public.token_receipt as enum ('paid')")
    empty.execute("create domain public.token_wallets as text")
    empty.execute("create function public.spend_tokens(x integer) returns integer return x")
    assert sorted(_problems(empty)) == [
        "function public.spend_tokens(x integer): the name is Coinslot's. Rename yours.",
        "table public.token_payments: the name is Coinslot's. Rename yours.",
        "type public.token_receipt: the name is Coinslot's. Rename yours.",
        "type public.token_wallets: the name is Coinslot's. Rename yours.",
        "view public.token_offers: the name is Coinslot's. Rename yours.",
    ]
    assert empty.execute("select to_regnamespace('coinslot')").fetchone() == (None,)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "alter table auth.users drop column is_anonymous cascade",
            ["column auth.users.is_anonymous"],
        ),
        (
            "alter table auth.identities drop provider cascade, drop identity_data cascade",
            ["column auth.identities.provider", "column auth.identities.identity_data"],
        ),
        ("drop table auth.identities", ["table auth.identities"]),
        ("drop function auth.uid()", ["function auth.uid()"]),
        (
            "drop schema auth cascade",
            ["function auth.uid()", "table auth.users", "table auth.identities"],
        ),
        ("revoke create on schema public from postgres, public", ["schema public"]),
        ("create schema coinslot", ["schema coinslot"]),
    ],
)
def test_what_coinslot_needs_and_does_not_find_is_said(
    cluster: Cluster, empty: psycopg.Connection, change: str, said: list[str]
) -> None:
    with psycopg.connect(
        cluster.url(empty.info.dbname, postgres.SUPERUSER), autocommit=True
    ) as owner:
        owner.execute("alter schema public owner to supabase_admin")
        owner.execute("grant create on schema public to postgres")
        owner.execute(change.encode())
    assert sorted(problem.partition(": ")[0] for problem in _problems(empty)) == sorted(said)


def test_a_role_without_rights_is_told_all_that_it_lacks(cluster: Cluster) -> None:
    with cluster.unmigrated() as name:
        url = cluster.url(name, postgres.SUPERUSER)
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("create role anybody")
            owner.execute("set role anybody")
            problems = _problems(owner)
            owner.execute("reset role; drop role anybody")
    tables = [f"table auth.{table}" for table in ("users", "identities") for _ in range(4)]
    wanted = [f"database {name}", "schema auth", "schema public", *tables]
    assert sorted(each.partition(": ")[0] for each in problems) == sorted(wanted)
    assert all(": anybody may " in each for each in problems)
    assert all(each.endswith("Push as postgres.") for each in problems)


def test_coinslot_that_is_there_already_is_said(database: psycopg.Connection) -> None:
    (problem,) = _problems(database)
    assert "installed here already. Push only what is new." in problem


def test_coinslot_that_is_there_by_half_is_said(empty: psycopg.Connection) -> None:
    for migration in MIGRATIONS[:3]:
        empty.execute(migration.read_bytes())
    (problem,) = _problems(empty)
    assert "of its tables, types and functions are missing" in problem


def test_leftovers_of_coinslot_are_said(database: psycopg.Connection) -> None:
    database.execute("drop schema coinslot cascade")
    problems = _problems(database)
    assert [each for each in problems if "what is left of a Coinslot" in each]
    assert {"table public.token_wallets", "table public.token_products"} <= {
        each.partition(": ")[0] for each in problems
    }


def test_people_sign_up_and_are_deleted_wherever_a_push_stops(empty: psycopg.Connection) -> None:
    wallets = []
    for migration in MIGRATIONS:
        with empty.transaction():
            empty.execute(migration.read_bytes())
        wallets.append(_lives(empty))
    first = MIGRATIONS[wallets.index(True)]
    assert first.name.endswith("_auth_triggers.sql"), "Auth is touched before the last step"
    assert all(wallets[wallets.index(True) :])


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


def test_people_who_were_there_get_nothing_where_the_app_chose_so(
    empty: psycopg.Connection,
) -> None:
    first, *others = MIGRATIONS
    empty.execute(
        "insert into auth.users (id, email, email_confirmed_at) "
        "select gen_random_uuid(), n || '@example.com', now() from generate_series(1, 3) n"
    )
    empty.execute(first.read_bytes())
    empty.execute(Choices(mode="live", bonus_for_existing_users=False).sql())
    for migration in others:
        empty.execute(migration.read_bytes())
    assert empty.execute("select count(*), sum(tokens) from public.token_wallets").fetchall() == [
        (3, 0)
    ]
    assert empty.execute("select mode from coinslot.settings").fetchone() == ("live",)


def _problems(connection: psycopg.Connection) -> list[str]:
    """The list with which the first migration refuses."""
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState) as refused:
        connection.execute(_first().encode())
    connection.rollback()
    assert refused.value.diag.message_primary is not None
    head, *problems = refused.value.diag.message_primary.splitlines()
    assert head == "Coinslot cannot be installed here yet, and nothing was changed:"
    return [problem.removeprefix("- ") for problem in problems]


def _first() -> str:
    return Path(MIGRATIONS[0]).read_text()


def _all() -> str:
    """A release checks the names that it brings, since the first migration never changes."""
    return "\n".join(Path(migration).read_text() for migration in MIGRATIONS)


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
