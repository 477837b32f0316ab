"""An upgrade and the calls that are under way wait for each other never, and each for a moment."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from devstack.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.clusters import Cluster

    Connection = psycopg.Connection[Any]

_LOCK = """
select coinslot.lock_for_upgrade(array['coinslot.settings', 'public.token_payments']::regclass[])
"""

_WAITING = """
select from pg_locks where not granted and relation = 'public.token_payments'::regclass
"""


# Nobody writes these while the database is in use.
_QUIET = {"coinslot.gateways", "coinslot.event_types", "coinslot.promotion_codes"}
_CHANGED = (
    r"\breferences ([\w.]+)",
    r"\balter table (?:only )?([\w.]+)",
    r"\bcreate (?:constraint )?trigger \w+\s[^;]*?\son ([\w.]+)",
    r"\bdrop trigger (?:if exists )?\w+ on ([\w.]+)",
    r"\bcreate (?:unique )?index \w+ on ([\w.]+)",
)


def _unlocked(migration: str) -> set[str]:
    """Tables that are changed, or that a new one refers to, beside those that are locked first."""
    text = re.sub(r"--.*", "", migration)
    lists = re.findall(r"lock_for_upgrade\(array\[(.*?)\]", text, re.S)
    text = re.sub(r"as \$\$.*?\$\$;", "", text, flags=re.S)
    changed = {table for pattern in _CHANGED for table in re.findall(pattern, text)}
    made = set(re.findall(r"\bcreate table ([\w.]+)", text))
    locked = set(re.findall(r"'([\w.]+)'", " ".join(lists)))
    return {each for each in changed if "." in each} - made - locked - _QUIET


def test_a_migration_that_locks_tables_locks_all_that_it_changes() -> None:
    """Or it would wait for one of them with the others locked."""
    migrations = sorted((ROOT / "supabase/migrations").glob("202612*.sql"))
    locking = [each for each in migrations if "lock_for_upgrade(array[" in each.read_text("utf-8")]
    assert len(locking) > 15
    left = {each.name: _unlocked(each.read_text("utf-8")) for each in locking}
    assert {name: tables for name, tables in left.items() if tables} == {}


@pytest.fixture
def database(cluster: Cluster) -> Iterator[str]:
    with cluster.clone(cluster.template("strict")) as name:
        yield cluster.url(name)


@pytest.fixture
def call(database: str) -> Iterator[Connection]:
    """A call that is under way, and takes its tables in the order that the upgrade does not."""
    with psycopg.connect(database) as connection:
        connection.execute("set lock_timeout = '150ms'")
        connection.execute("select from public.token_payments")
        yield connection


def _upgraded(database: str) -> None:
    with psycopg.connect(database) as upgrade:
        upgrade.execute(_LOCK)


def test_a_call_that_is_under_way_goes_on(database: str, call: Connection) -> None:
    upgrade = threading.Thread(target=_upgraded, args=(database,))
    upgrade.start()
    _await_waiting(database)
    # By now it has what the call wants next, and wants what the call has.
    call.execute("select from coinslot.settings")
    assert upgrade.is_alive()
    call.commit()
    upgrade.join(timeout=30)
    assert not upgrade.is_alive()


def _await_waiting(database: str) -> None:
    give_up = time.monotonic() + 30
    with psycopg.connect(database, autocommit=True) as watcher:
        while not watcher.execute(_WAITING).fetchall():
            assert time.monotonic() < give_up
            time.sleep(0.005)


def test_all_tables_stay_locked_until_the_upgrade_ends(database: str) -> None:
    with psycopg.connect(database) as upgrade, psycopg.connect(database) as call:
        upgrade.execute(_LOCK)
        call.execute("set lock_timeout = '50ms'")
        for table in ("coinslot.settings", "public.token_payments"):
            with pytest.raises(psycopg.errors.LockNotAvailable), call.transaction():
                call.execute(f"select from {table}")
        upgrade.rollback()


@pytest.mark.proof
def test_an_upgrade_that_gets_no_place_says_why(database: str, call: Connection) -> None:
    with psycopg.connect(database) as upgrade:
        with pytest.raises(
            psycopg.errors.ObjectNotInPrerequisiteState, match="has them in use, a backup"
        ):
            upgrade.execute(_LOCK)
        assert upgrade.info.transaction_status.name == "INERROR"
    call.rollback()
