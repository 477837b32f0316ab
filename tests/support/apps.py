"""Apps that take Coinslot in: `tests/apps`, each pushed with the Supabase CLI into its own stack.

An app is a folder: its migrations, `people.sql` for what the people in it have by then,
`rename.sql` for what is in Coinslot's way, and `import.sql` for what it pushes after Coinslot.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg

from devstack import tools
from devstack.passwords import hash_password
from devstack.placement import place
from devstack.postgres import SUPERUSER
from devstack.settings import ROOT, DevstackError
from tests.support.clusters import devstack_settings, discard
from tests.support.stacks import PASSWORD, BusyStack, LocalStack, Person

APPS = sorted(folder.name for folder in (ROOT / "tests/apps").iterdir() if folder.is_dir())
PEOPLE = ("mina@example.com", "alex@example.com")
"""Users of each app before Coinslot is there."""

_CONFIG = """project_id = "app"
[db]
major_version = 17
"""
_FORM = "%Y%m%d%H%M%S"
_SIGN_UP = """
insert into auth.users (
  id, aud, role, email, email_confirmed_at, encrypted_password, raw_app_meta_data,
  raw_user_meta_data, created_at
) values (
  gen_random_uuid(), 'authenticated', 'authenticated', %s, now(), %s, '{"provider": "email"}',
  '{"full_name": "Somebody"}', now()
) returning id
"""


class _AppStack(BusyStack):
    """A stack whose database is made step by step, by pushing."""

    def start_database(self) -> None:
        with self._lock():
            self._start_postgres(self.programs[0])
            self._migrated.write_text("{}")

    def _migrate(self) -> None:
        pass


class Project:
    """An app's Supabase project and its database."""

    def __init__(self, app: str, stack: _AppStack) -> None:
        self._app = ROOT / "tests/apps" / app
        self._stack = stack
        self._migrations = stack.settings.project_dir / "supabase/migrations"
        self._migrations.mkdir(parents=True)
        (self._migrations.parent / "config.toml").write_text(_CONFIG)

    def begin(self) -> None:
        """The app as it was, with people in it."""
        for migration in sorted((self._app / "migrations").glob("*.sql")):
            shutil.copy(migration, self._migrations)
        self._push()
        for email in PEOPLE:
            self.select(_SIGN_UP, email, hash_password(PASSWORD))
        with self.connect() as connection:
            connection.execute((self._app / "people.sql").read_bytes())

    def add_coinslot(self) -> None:
        """Adds Coinslot's migrations with its own command, and pushes them.

        If Coinslot refuses, the copies go away again and `DevstackError` says why.
        """
        before = set(self._migrations.iterdir())
        command = [sys.executable, "-m", "coinslot", "migrations", "add"]
        subprocess.run([*command, str(self._migrations)], check=True, capture_output=True)
        try:
            self._push()
        except DevstackError:
            for copy in set(self._migrations.iterdir()) - before:
                copy.unlink()
            raise

    def add_own(self, name: str) -> bool:
        """Pushes another file of the app's; false if it has none of this name."""
        file = self._app / f"{name}.sql"
        if file.exists():
            self._add(file, file.name)
            self._push()
        return file.exists()

    def start(self) -> LocalStack:
        """All other programs, for the database as it is now."""
        self._stack.up()
        return LocalStack(self._stack)

    def schema(self) -> str:
        """Every object of the app and of Coinslot, with its grants."""
        told = self._dump("--schema-only", "--schema", "public", "--schema", "coinslot")
        return re.sub(r"^(--.*|\\(un)?restrict .*)?\n", "", told, flags=re.M)

    def restore(self, folder: Path) -> str:
        """A full dump, restored as another database beside this one: the name of that."""
        archive = folder / "whole.dump"
        self._dump("--format", "custom", "--file", str(archive))
        with psycopg.connect(self._url("postgres"), autocommit=True) as owner:
            owner.execute("create database restored template template0 owner postgres")
        self._run("pg_restore", "--exit-on-error", "--dbname", self._url("restored"), str(archive))
        return "restored"

    def uninstall(self) -> None:
        """As the owner of the project, in one go."""
        with self.connect() as connection:
            connection.execute((ROOT / "supabase/uninstall.sql").read_bytes())

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """As `postgres`, with autocommit."""
        url = self._stack.settings.database_url(database=database)
        return psycopg.connect(url, autocommit=True)

    def select(
        self, query: str, *parameters: object, database: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        with self.connect(database) as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def comes_and_goes(self, database: str = "postgres") -> None:
        """Somebody signs up, as Auth writes it, and is deleted again; no row of theirs is left."""
        [(user,)] = self.select(
            _SIGN_UP, "passer-by@example.com", hash_password(PASSWORD), database=database
        )
        for table in self._made_at_sign_up():
            assert self.select(f"select from {table} where id = %s", user, database=database) == [
                ()
            ]
        assert self.select(
            "delete from auth.users where id = %s returning id", user, database=database
        )
        for table in self._made_at_sign_up():
            assert not self.select(f"select from {table} where id = %s", user, database=database)

    def _made_at_sign_up(self) -> list[str]:
        """The tables in which the app's own trigger makes a row for each user."""
        return [
            str(table)
            for (table,) in self.select(
                "select c.oid::regclass::text from pg_class c where c.relname in "
                "('profiles', 'users') and c.relnamespace = 'public'::regnamespace"
            )
        ]

    def _add(self, file: Path, name: str) -> None:
        latest = max(path.name.partition("_")[0] for path in self._migrations.glob("*.sql"))
        now = datetime.now(UTC)
        after = datetime.strptime(latest, _FORM).replace(tzinfo=UTC) + timedelta(seconds=1)
        shutil.copy(file, self._migrations / f"{max(now, after).strftime(_FORM)}_{name}")

    def _dump(self, *options: str) -> str:
        return self._run("pg_dump", *options, self._url("postgres"))

    def _run(self, program: str, *arguments: str) -> str:
        settings = self._stack.settings
        path = place(settings.devstack_dir, settings.postgres_bin).bin_dir / program
        return subprocess.run([path, *arguments], check=True, capture_output=True, text=True).stdout

    def _url(self, database: str) -> str:
        return self._stack.settings.database_url(SUPERUSER, database)

    def _push(self) -> None:
        tools.supabase(self._stack.settings, "db", "push")


@contextmanager
def project(app: str, postgres_bin: Path | None = None) -> Iterator[Project]:
    """An app's project with a running database in which nothing is yet."""
    settings = devstack_settings(f"app-{app}", postgres_bin)
    folder = settings.devstack_dir / "project"
    # Apps that are older than Coinslot are in projects that grant everything to everybody.
    changes = {"project_dir": folder, "default_grants": "permissive"}
    stack = _AppStack(settings.model_copy(update=changes), dotenv=None)
    try:
        stack.start_database()
        yield Project(app, stack)
    finally:
        discard(stack)


def sign_in(stack: LocalStack, email: str) -> Person:
    answer = httpx.post(
        f"{stack.api_url}/auth/v1/token?grant_type=password",
        json={"email": email, "password": PASSWORD},
        headers={"apikey": stack.keys.anon},
    )
    session = answer.raise_for_status().json()
    return Person(session["user"]["id"], email, session["access_token"])


def delete(stack: LocalStack, person: Person) -> None:
    """As the app's server does it, through Auth."""
    url = f"{stack.api_url}/auth/v1/admin/users/{person.id}"
    httpx.request("DELETE", url, headers=stack.headers(), json={}).raise_for_status()
