"""`profiles`: Coinslot's own, an app's, or none, as the app has it and has chosen."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest

from devstack.settings import ROOT
from tests.support.clusters import Cluster

_MIGRATIONS = sorted((ROOT / "supabase/migrations").glob("*.sql"))
PROFILES, EXISTING = (
    next(file for file in _MIGRATIONS if file.name.endswith(f"_coinslot_{name}.sql"))
    for name in ("profiles", "existing_users")
)
BEFORE = [file for file in _MIGRATIONS if file < PROFILES]
_OURS = """
select concat_ws(' ', to_regprocedure('public.update_profile(text, text)'),
  to_regprocedure('coinslot.create_profile()'), (
    select t.tgname from pg_trigger t where t.tgname = 'coinslot_profile_created'
  ))
"""
THEIRS = """
create table public.profiles (id uuid primary key references auth.users, username text);
alter table public.profiles enable row level security;
grant select on public.profiles to authenticated;
create policy "own" on public.profiles for select to authenticated using (auth.uid() = id);
"""


@pytest.fixture(scope="module")
def before(cluster: Cluster) -> Iterator[str]:
    """A database with all of the first release but its last two files."""
    with cluster.unmigrated() as name:
        with psycopg.connect(cluster.url(name), autocommit=True) as connection:
            for migration in BEFORE:
                connection.execute(migration.read_bytes())
        yield name


@pytest.fixture
def app(cluster: Cluster, before: str) -> Iterator[psycopg.Connection]:
    with (
        cluster.clone(before) as name,
        psycopg.connect(cluster.url(name), autocommit=True) as made,
    ):
        yield made


def pushed(app: psycopg.Connection, *, choice: str = "auto") -> list[str]:
    """Runs these two files; what they said."""
    said: list[str] = []
    app.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
    app.execute("update coinslot.settings set profiles = %s", [choice])
    app.execute(PROFILES.read_bytes())
    app.execute(EXISTING.read_bytes())
    return said


def signed_up(app: psycopg.Connection) -> UUID:
    user = uuid4()
    app.execute(
        "insert into auth.users (id, email, email_confirmed_at) values (%s, %s, now())",
        [user, f"{user}@example.com"],
    )
    return user


def seen(app: psycopg.Connection, user: UUID) -> list[tuple[object, ...]]:
    """Ids and tokens of the profiles that this user sees, by the name that PostgREST uses."""
    with app.transaction():
        app.execute("select set_config('request.jwt.claims', %s, true)", [f'{{"sub": "{user}"}}'])
        app.execute("set local role authenticated")
        return app.execute("select id, profiles.tokens from public.profiles").fetchall()


def made(app: psycopg.Connection) -> str:
    [(found,)] = app.execute(_OURS.encode()).fetchall()
    return str(found)


def test_an_app_without_one_gets_ours(app: psycopg.Connection) -> None:
    old = signed_up(app)
    assert pushed(app) == []
    assert made(app).split() == [
        *("update_profile(text,text)", "coinslot.create_profile()", "coinslot_profile_created"),
    ]
    assert seen(app, old) == [(old, 5)]
    new = signed_up(app)
    assert seen(app, new) == [(new, 5)]


def test_an_apps_own_shows_the_tokens_and_is_left_alone(app: psycopg.Connection) -> None:
    app.execute(THEIRS.encode())
    user, other = signed_up(app), signed_up(app)
    app.execute("insert into public.profiles values (%s, 'a'), (%s, 'b')", [user, other])
    assert pushed(app) == []
    assert made(app) == ""
    assert seen(app, user) == [(user, 5)]
    app.execute("select coinslot.add_tokens(%s, 10, 'key', 'why', 'grant')", [user])
    assert seen(app, user) == [(user, 15)]
    app.execute('create policy "all" on public.profiles for select to authenticated using (true)')
    assert sorted(seen(app, user)) == sorted([(user, 15), (other, None)])


def test_a_column_comes_first_until_it_is_dropped(app: psycopg.Connection) -> None:
    app.execute(THEIRS.encode())
    app.execute("alter table public.profiles add tokens integer default 42")
    user = signed_up(app)
    app.execute("insert into public.profiles (id) values (%s)", [user])
    assert pushed(app) == []
    assert seen(app, user) == [(user, 42)]
    app.execute("alter table public.profiles drop column tokens")
    assert seen(app, user) == [(user, 5)]


@pytest.mark.parametrize("table", ["", THEIRS])
def test_who_chose_none_gets_none(app: psycopg.Connection, table: str) -> None:
    app.execute(table.encode())
    assert pushed(app, choice="none") == []
    assert made(app) == ""
    assert app.execute("select from pg_proc where proname = 'tokens'").rowcount == 0


def test_an_app_that_makes_its_own_later_says_so_then(app: psycopg.Connection) -> None:
    assert pushed(app, choice="own") == [
        "Coinslot shows no tokens on public.profiles: there is no such table."
    ]
    assert made(app) == ""
    app.execute(THEIRS.encode())
    user = signed_up(app)
    app.execute("insert into public.profiles values (%s, 'a')", [user])
    for _ in range(2):
        said = app.execute("select coinslot.show_tokens_on_profiles()").fetchone()
        assert said == ("Coinslot shows the tokens on public.profiles.",)
        assert seen(app, user) == [(user, 5)]


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        (
            "create table public.profiles (id bigint primary key)",
            "Coinslot shows no tokens on public.profiles: it has no key `id` of type uuid.",
        ),
        (
            "create table public.profiles (user_id uuid primary key)",
            "Coinslot shows no tokens on public.profiles: it has no key `id` of type uuid.",
        ),
        (
            "create table public.profiles (id uuid, version integer, primary key (id, version))",
            "Coinslot shows no tokens on public.profiles: it has no key `id` of type uuid.",
        ),
        (
            "create view public.profiles as select gen_random_uuid() as id",
            "Coinslot shows no tokens on public.profiles: it has no key `id` of type uuid.",
        ),
        (
            f"{THEIRS}; create function public.tokens(profiles) returns integer return 1",
            "Coinslot shows no tokens on public.profiles: "
            "a function public.tokens(profiles) is there.",
        ),
        (
            "create function public.update_profile(name text) returns text return name",
            "Coinslot makes no table public.profiles: function public.update_profile is there.",
        ),
        (
            "create table public.people (id uuid, constraint profiles_pkey primary key (id))",
            "Coinslot makes no table public.profiles: index public.profiles_pkey is there.",
        ),
        (
            "create domain public.profiles as text",
            "Coinslot makes no table public.profiles: type public.profiles is there.",
        ),
    ],
)
def test_what_is_in_the_way_stops_no_push(app: psycopg.Connection, theirs: str, said: str) -> None:
    app.execute(theirs.encode())
    assert pushed(app)[0] == said
    assert made(app) == ""
    signed_up(app)


def test_a_function_of_the_same_name_for_something_else_is_no_hindrance(
    app: psycopg.Connection,
) -> None:
    app.execute(THEIRS.encode())
    app.execute("create function public.tokens(user_id uuid) returns integer return 1")
    user = signed_up(app)
    app.execute("insert into public.profiles values (%s, 'a')", [user])
    assert pushed(app) == []
    assert seen(app, user) == [(user, 5)]
