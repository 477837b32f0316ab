"""Leaving: nothing of Coinslot remains, nothing of the app is gone, and the way back is open."""

from __future__ import annotations

import csv
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from devstack import tools
from devstack.settings import ROOT
from tests.database.people import Bank, ask_refund, gateway_says, spend
from tests.support.clusters import Cluster
from tests.support.dumps import dump, psql
from tests.support.sizes import sized

MIGRATIONS = sorted((ROOT / "supabase/migrations").glob("*.sql"))
UNINSTALL = ROOT / "supabase/uninstall.sql"
EXPORT = ROOT / "supabase/export.sql"
STEP = sized(40, proofs=1)
"""Migrations from one stop of an installation to the next."""

APP = """
create table public.profiles (id uuid primary key references auth.users (id) on delete cascade);
alter table public.profiles enable row level security;
create policy "Own" on public.profiles for select using (auth.uid() = id);
create function public.tokens(p public.profiles) returns integer language sql stable return 1;
create table public.token_blacklist (id bigint primary key, note text);
create view public.notes as select note from public.token_blacklist;
create function public.handle_new_user() returns trigger language plpgsql security definer as
'begin insert into public.profiles (id) values (new.id); return new; end';
create trigger on_auth_user_created after insert on auth.users
for each row execute function public.handle_new_user();
alter publication supabase_realtime add table public.token_blacklist;
"""
SCHEMA = """
create schema coinslot;
create table coinslot.settings (machine text);
"""
NAMESAKES = """
create table public.token_payments (id bigint primary key, status text);
create view public.token_offers as select 1 as id;
create function public.spend_tokens(app integer) returns integer language sql return 1;
"""
LATER = """
create function public.spend_tokens(app integer) returns integer language sql return 1;
alter publication supabase_realtime add table public.token_wallets;
select coinslot.make_balance_field('public.profiles', 'id', 'amount');
"""


App = tuple[str, str]
"""An app with a profiles table of its own: the database, and what there was before Coinslot."""


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Iterator[App]:
    with cluster.unmigrated() as name:
        psql(cluster, name, "--command", APP)
        before = schema(cluster, name)
        install(cluster, name, MIGRATIONS)
        yield name, before


@pytest.fixture
def app(cluster: Cluster, installed: App) -> Iterator[App]:
    """A copy, for one test."""
    template, before = installed
    with cluster.clone(template) as name:
        yield name, before


def install(cluster: Cluster, database: str, migrations: Sequence[Path]) -> None:
    psql(cluster, database, *(f"--file={migration}" for migration in migrations))


def schema(cluster: Cluster, database: str) -> str:
    """Every object, with its grants. The history of migrations is the CLI's."""
    told = dump(
        cluster,
        database,
        "--schema-only",
        "--exclude-schema",
        "supabase_migrations",
        role="supabase_admin",
    )
    return re.sub(r"^\\(un)?restrict .*$", "", told, flags=re.M)


def leave(cluster: Cluster, database: str) -> None:
    """As the owner of the project, with the script's own transaction."""
    with psycopg.connect(cluster.url(database), autocommit=True) as connection:
        connection.execute(UNINSTALL.read_bytes())


def test_nothing_of_ours_remains_and_nothing_of_theirs_is_gone(cluster: Cluster, app: App) -> None:
    name, before = app
    with closing(Bank(cluster.url(name))) as bank:
        buyer = bank.user(3)
        bank.ask(gateway_says(bank.order(buyer), 1, paid=5000))
        bank.ask(spend(buyer, 2, "read"))
        psql(cluster, name, "--command", LATER)
        people = bank.rows("select id from auth.users")
    leave(cluster, name)
    psql(cluster, name, "--command", "drop function public.spend_tokens(integer)")
    assert schema(cluster, name) == before
    with closing(Bank(cluster.url(name))) as bank:
        assert bank.rows("select id from auth.users") == people
        assert bank.rows("select id from public.profiles") == people
        bank.change("insert into auth.users (id) values (gen_random_uuid())")
        bank.change("delete from auth.users")


def test_what_leans_on_it_is_said_and_nothing_is_changed(cluster: Cluster, app: App) -> None:
    name, _ = app
    psql(
        cluster,
        name,
        "--command",
        "create table public.gifts (of uuid constraint gifts_of_fkey references token_wallets)",
        "--command",
        "create view public.rich as select user_id from token_wallets where tokens > 100",
        "--command",
        "create table public.receipts (paper public.token_receipt)",
        "--command",
        "create function public.dear(p token_prices) returns boolean language sql return true",
        "--command",
        "create function public.spend_tokens(who text) returns bigint language sql as "
        "'select coinslot.max_amount()'",
        "--command",
        "create trigger told after insert on token_ledger for each row "
        "execute function public.handle_new_user()",
    )
    before = schema(cluster, name)
    with pytest.raises(psycopg.errors.DependentObjectsStillExist) as refused:
        leave(cluster, name)
    assert refused.value.diag.message_primary is not None
    head, *problems = refused.value.diag.message_primary.splitlines()
    assert head == "Coinslot cannot be taken out yet, and nothing was changed:"
    assert sorted(problems) == [
        "- column paper of table public.receipts: it is yours.",
        "- constraint gifts_of_fkey on table public.gifts: it is yours.",
        "- function public.dear(public.token_prices): it is yours.",
        "- function public.spend_tokens(text): it is yours.",
        "- rule _RETURN on view public.rich: it is yours.",
        "- trigger told on table public.token_ledger: it is yours.",
    ]
    assert schema(cluster, name) == before


def test_our_profiles_that_the_app_has_made_its_own_are_left_to_it(cluster: Cluster) -> None:
    with (
        cluster.clone(cluster.template("strict")) as name,
        closing(Bank(cluster.url(name))) as bank,
    ):
        user = bank.user()
        bank.change("alter table profiles add column age integer default 18")
        with pytest.raises(psycopg.errors.DependentObjectsStillExist, match="column age of table"):
            leave(cluster, name)
        bank.change("comment on table profiles is 'Ours'")
        leave(cluster, name)
        assert bank.rows("select id, age from profiles") == [{"id": user, "age": 18}]
        bank.change("insert into auth.users (id) values (gen_random_uuid())")


def test_money_on_its_way_keeps_it(cluster: Cluster, app: App) -> None:
    name, _ = app
    with closing(Bank(cluster.url(name))) as bank:
        buyer = bank.user()
        paid, awaited = bank.order(buyer), bank.order(buyer)
        bank.ask(gateway_says(paid, 1, paid=5000))
        bank.ask(ask_refund(paid, "back"))
        bank.change(
            "update token_payments set status = 'awaiting_deposit' where order_id = %s", awaited
        )
    with pytest.raises(psycopg.errors.DependentObjectsStillExist) as refused:
        leave(cluster, name)
    assert "1 refunds are open" in str(refused.value)
    assert "1 orders await a deposit" in str(refused.value)


def test_an_installation_that_stopped_halfway_is_cleared_up(cluster: Cluster) -> None:
    """On a copy: the installation goes on meanwhile."""
    with cluster.unmigrated() as name:
        before = schema(cluster, name)
        for stop in range(0, len(MIGRATIONS), STEP):
            *_, last = step = MIGRATIONS[max(0, stop + 1 - STEP) : stop + 1]
            install(cluster, name, step)
            with cluster.clone(name) as halfway:
                leave(cluster, halfway)
                assert schema(cluster, halfway) == before, last.name


def test_leaving_twice_is_leaving_once(cluster: Cluster) -> None:
    with cluster.clone(cluster.template("strict")) as name:
        leave(cluster, name)
        gone = schema(cluster, name)
        leave(cluster, name)
        assert schema(cluster, name) == gone
        assert "coinslot" not in gone


@pytest.mark.parametrize("theirs", [NAMESAKES, SCHEMA + NAMESAKES])
def test_where_coinslot_is_not_nothing_is_taken(cluster: Cluster, theirs: str) -> None:
    """An app whose names have kept it out."""
    with cluster.unmigrated() as name:
        psql(cluster, name, "--command", theirs)
        before = schema(cluster, name)
        leave(cluster, name)
        assert schema(cluster, name) == before


def test_what_is_left_of_it_without_its_schema_is_cleared_up(cluster: Cluster, app: App) -> None:
    name, before = app
    psql(cluster, name, "--command", "drop schema coinslot cascade")
    leave(cluster, name)
    assert schema(cluster, name) == before


def test_it_can_be_installed_again(cluster: Cluster) -> None:
    """With the real CLI, which is told that the migrations are no longer there."""
    settings = cluster.settings
    versions = [file.name.partition("_")[0] for file in MIGRATIONS]
    with cluster.clone(cluster.template("strict")) as name:
        installed = schema(cluster, name)
        leave(cluster, name)
        reverted = ("migration", "repair", "--status", "reverted", *versions)
        tools.supabase(settings, *reverted, database=name)
        tools.supabase(settings, "db", "push", database=name)
        assert schema(cluster, name) == installed
        with closing(Bank(cluster.url(name))) as bank:
            assert bank.rows("select * from coinslot.check_installation()") == []


def test_the_books_are_exported_as_csv(cluster: Cluster, app: App, tmp_path: Path) -> None:
    name, _ = app
    with closing(Bank(cluster.url(name))) as bank:
        buyer = bank.user(3)
        order = bank.order(buyer)
        bank.ask(gateway_says(order, 1, paid=5000))
        program = cluster.placement.bin_dir / "psql"
        subprocess.run(
            [program, "--no-psqlrc", "--quiet", "--file", EXPORT, cluster.url(name)],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
        counted = {
            table: len(bank.rows(f"select from {table}"))
            for table in ("token_wallets", "token_ledger", "token_payments")
        }
    files = {file.stem: file for file in tmp_path.glob("*.csv")}
    assert len(files) == EXPORT.read_text().count("\\copy")
    read = {
        each: list(csv.DictReader(file.read_text("utf-8").splitlines()))
        for each, file in files.items()
    }
    assert counted == {
        f"token_{each}": len(read[each]) for each in ("wallets", "ledger", "payments")
    }
    assert [row["delta"] for row in read["ledger"]] == ["3", "10"]
    [payment] = read["payments"]
    assert (payment["order_id"], payment["paid"]) == (order, "5000")


def test_the_names_are_those_of_the_installation(database: psycopg.Connection) -> None:
    listed = re.search(r"unnest\(array\[(.*?)\]\)", UNINSTALL.read_text(), re.S)
    assert listed
    names = database.execute("select coinslot.public_names()").fetchone()
    assert names == (re.findall(r"'(\w+)'", listed[1]),)
