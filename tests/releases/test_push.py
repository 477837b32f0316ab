"""`supabase db push` of a next release: onto a database with entries, whole and halfway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from coinslot.release import VERSION
from devstack import tools
from devstack.settings import DevstackError
from tests.releases import release, versions
from tests.releases.copies import WHOLE, candidate_of, copied, next_release

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.clusters import Cluster

_FAULTS = "select code, subject from coinslot.check_installation()"
_TOLD = "select coinslot.schema_version(), coinslot.oldest_sidecar()"


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    root = copied(tmp_path / "candidate", WHOLE)
    assert release.freeze(root, candidate_of(VERSION)) == []
    return root


@pytest.fixture
def installed(cluster: Cluster) -> Iterator[psycopg.Connection[Any]]:
    """A database at this checkout's state, with people who have their bonus."""
    with (
        cluster.clone(cluster.template("strict")) as name,
        psycopg.connect(cluster.url(name), autocommit=True) as connection,
    ):
        connection.execute(
            "insert into auth.users (id, email, email_confirmed_at) "
            "select gen_random_uuid(), n || '@example.com', now() from generate_series(1, 3) n"
        )
        yield connection


def _push(cluster: Cluster, connection: psycopg.Connection[Any], root: Path) -> None:
    settings = cluster.settings.model_copy(update={"project_dir": root})
    tools.supabase(settings, "db", "push", database=connection.info.dbname)


def test_a_push_halfway_tells_the_release_before(
    cluster: Cluster, installed: psycopg.Connection[Any], candidate: Path, tmp_path: Path
) -> None:
    after = next_release(tmp_path / "after", candidate, "999.0.0")
    installed.execute("alter function coinslot.first_user(integer) parallel restricted")
    last = versions.definer(after)
    whole = last.read_text()
    last.write_text(f"{whole}\nselect 1 / 0;\n")
    with pytest.raises(DevstackError, match="division by zero"):
        _push(cluster, installed, after)
    columns = "select priced_at from public.token_payments"
    assert installed.execute(columns).fetchall() == []
    edited = installed.execute(_FAULTS).fetchall()
    kept = versions.told(candidate).oldest_sidecar
    assert installed.execute(_TOLD).fetchone() == (VERSION, kept)

    last.write_text(whole)
    _push(cluster, installed, after)
    assert installed.execute(_TOLD).fetchone() == ("999.0.0rc1", kept)
    assert installed.execute("select * from public.coinslot_verify_ledger()").fetchall() == []
    assert installed.execute("select sum(tokens) from public.token_wallets").fetchone() == (15,)
    assert edited == [("function_changed", "coinslot.first_user(integer)")]
    assert installed.execute(_FAULTS).fetchall() == edited
