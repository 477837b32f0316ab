"""`coinslot migrations add`, as a developer runs it in a project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from devstack import tools
from devstack.settings import DevstackError
from tests.support.clusters import Cluster


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A Supabase project with a migration of its own that is newer than any of Coinslot's."""
    (tmp_path / "supabase/migrations").mkdir(parents=True)
    (tmp_path / "supabase/config.toml").write_text('project_id = "app"\n')
    (tmp_path / "supabase/migrations/20351231235959_own.sql").write_text(
        "create table public.own (id bigint primary key);\n"
        "alter table public.own enable row level security;\n"
    )
    return tmp_path


def add(project: Path, *options: str, **environment: str) -> tuple[int, str, str]:
    """The command in the project: its status, and what it said."""
    ended = subprocess.run(
        [sys.executable, "-m", "coinslot", "migrations", "add", *options],
        cwd=project,
        env={"PATH": os.environ["PATH"], "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stdout, ended.stderr


def names(project: Path) -> list[str]:
    return sorted(file.name for file in (project / "supabase/migrations").iterdir())


def push(cluster: Cluster, database: str, project: Path) -> str:
    settings = cluster.settings.model_copy(update={"project_dir": project})
    return tools.supabase(settings, "db", "push", database=database)


def test_adds_shows_and_then_finds_nothing_missing(project: Path) -> None:
    status, planned, _ = add(project, "--dry-run")
    assert (status, len(names(project))) == (0, 1)
    status, out, _ = add(project, "--no-bonus-for-existing-users", "--profiles", "own")
    assert (status, out.splitlines()[-2]) == (0, "Push them with: supabase db push")
    added = names(project)[1:]
    assert [line.strip() for line in out.splitlines()[1:-2]] == added
    assert [line.strip() for line in planned.splitlines()[1:]] == added
    choices = (project / "supabase/migrations" / added[1]).read_text()
    assert "bonus_for_existing_users = false" in choices
    assert "profiles = 'own'" in choices
    before = names(project)
    for place in (".", "supabase", "supabase/migrations"):
        status, out, _ = add(project, place)
        assert (status, names(project)) == (0, before)
        assert out.startswith("Nothing is missing")


def test_an_edited_copy_is_refused_and_nothing_is_written(project: Path) -> None:
    add(project)
    edited, gone = (project / "supabase/migrations" / name for name in names(project)[-2:])
    gone.unlink()
    edited.write_text(edited.read_text() + "\n-- mine\n")
    before = names(project)
    status, _, err = add(project)
    assert (status, names(project)) == (1, before)
    assert edited.name in err


@pytest.mark.parametrize("there", [False, True])
def test_what_is_no_project_is_a_sentence(tmp_path: Path, there: bool) -> None:
    status, _, err = add(tmp_path, "." if there else "none")
    assert (status, "is no Supabase project" in err) == (1, True)


def test_a_folder_that_cannot_be_written_is_a_sentence(project: Path) -> None:
    (project / "supabase/migrations/20351231235959_own.sql").unlink()
    (project / "supabase/migrations").rmdir()
    (project / "supabase/migrations").write_text("a file")
    status, _, err = add(project)
    assert (status, err.count("\n")) == (1, 1)
    assert "supabase/migrations" in err


def test_says_what_is_in_the_way_of_a_database_and_writes_nothing(
    cluster: Cluster, project: Path
) -> None:
    with cluster.unmigrated() as name:
        with psycopg.connect(cluster.url(name)) as connection:
            connection.execute("create table public.token_payments ()")
        status, _, err = add(project, COINSLOT_DATABASE_URL=cluster.url(name))
    assert (status, len(names(project))) == (1, 1)
    assert "- table public.token_payments: the name is Coinslot's. Rename yours." in err


def test_a_plain_push_takes_what_was_added_into_an_app_with_newer_migrations(
    cluster: Cluster, project: Path
) -> None:
    with cluster.unmigrated() as name:
        url = cluster.url(name)
        push(cluster, name, project)
        with psycopg.connect(url) as app:
            app.execute(
                "insert into auth.users (id, email, email_confirmed_at)"
                " values (gen_random_uuid(), 'before@example.com', now())"
            )
        status, out, _ = add(project, "--no-bonus-for-existing-users", "--database-url", url)
        assert (status, out.splitlines()[0]) == (0, "Nothing is in the way in this database.")
        push(cluster, name, project)
        with psycopg.connect(url) as app:
            for email in ("after@example.com", "BEFORE+1@example.com"):
                app.execute(
                    "insert into auth.users (id, email, email_confirmed_at)"
                    " values (gen_random_uuid(), %s, now())",
                    [email],
                )
        with psycopg.connect(url) as app:
            wallets = app.execute(
                "select u.email, w.tokens from auth.users u"
                " join public.token_wallets w on w.user_id = u.id"
            ).fetchall()
        assert dict(wallets) == {
            "before@example.com": 0,
            "after@example.com": 5,
            "BEFORE+1@example.com": 0,
        }
        status, out, _ = add(project, "--database-url", url)
        assert (status, out.splitlines()[0]) == (0, "Coinslot is in this database already.")
        assert "up to date" in push(cluster, name, project)


def test_a_push_without_it_is_refused_there(cluster: Cluster, project: Path) -> None:
    """The reason for new times: copied by hand, the files come before the app's newest."""
    with cluster.unmigrated() as name:
        push(cluster, name, project)
        (project / "supabase/migrations/20261121100000_early.sql").write_text("select 1;\n")
        with pytest.raises(DevstackError, match="before the last migration"):
            push(cluster, name, project)
