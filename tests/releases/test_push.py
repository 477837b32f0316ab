"""`supabase db push` of a next release: onto a database with entries, whole and halfway."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from coinslot.release import VERSION
from devstack.settings import DevstackError
from tests.database.accounts import bought, signed_up
from tests.database.people import Bank, Call
from tests.releases import checksums, release, versions
from tests.releases.copies import WHOLE, candidate_of, copied, next_release
from tests.releases.databases import at_release, push

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.clusters import Cluster

_FAULTS = "select code, subject from coinslot.check_installation()"
_REPAIRS = "select repair from coinslot.check_installation()"
_UNFINISHED = [("upgrade_unfinished", "coinslot")]
_EDIT = "alter function coinslot.first_user(integer) parallel restricted"
_EDITED = [("function_changed", "coinslot.first_user(integer)")]
_FIRST_PURCHASE = {"kind": "percent", "percent_off": 20, "first_purchase": True}
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
        _connected(cluster, name) as connection,
    ):
        connection.execute(
            "insert into auth.users (id, email, email_confirmed_at) "
            "select gen_random_uuid(), n || '@example.com', now() from generate_series(1, 3) n"
        )
        yield connection


def _connected(cluster: Cluster, name: str) -> psycopg.Connection[Any]:
    return psycopg.connect(cluster.url(name), autocommit=True)


def test_a_push_halfway_tells_the_release_before(
    cluster: Cluster, installed: psycopg.Connection[Any], candidate: Path, tmp_path: Path
) -> None:
    after = next_release(tmp_path / "after", candidate, "999.0.0")
    installed.execute(_EDIT)
    last = versions.definer(after)
    whole = last.read_text()
    last.write_text(f"{whole}\nselect 1 / 0;\n")
    with pytest.raises(DevstackError, match="division by zero"):
        push(cluster, installed.info.dbname, after)
    columns = "select priced_at from public.token_payments"
    assert installed.execute(columns).fetchall() == []
    assert installed.execute(_FAULTS).fetchall() == _UNFINISHED
    kept = versions.told(candidate).oldest_sidecar
    assert installed.execute(_TOLD).fetchone() == (VERSION, kept)

    last.write_text(whole)
    push(cluster, installed.info.dbname, after)
    assert installed.execute(_TOLD).fetchone() == ("999.0.0rc1", kept)
    assert installed.execute("select * from public.coinslot_verify_ledger()").fetchall() == []
    assert installed.execute("select sum(tokens) from public.token_wallets").fetchone() == (15,)
    assert installed.execute(_FAULTS).fetchall() == _EDITED


def test_what_was_edited_before_a_push_that_stopped_is_told_after_the_next(
    cluster: Cluster, tmp_path: Path
) -> None:
    """From the first release, which notes what it finds for one session alone."""
    root = copied(tmp_path / "pushed", ("supabase",))
    middle = checksums.unreleased(root / "supabase")[20]
    whole = middle.read_text()
    middle.write_text(f"{whole}\nselect 1 / 0;\n")
    with at_release(cluster, "0.1.0") as name, _connected(cluster, name) as connection:
        connection.execute(_EDIT)
        with pytest.raises(DevstackError, match="division by zero"):
            push(cluster, name, root)
        assert connection.execute(_FAULTS).fetchall() == _UNFINISHED
        middle.write_text(whole)
        push(cluster, name, root)
        assert connection.execute(_FAULTS).fetchall() == _EDITED
        [(repair,)] = connection.execute(_REPAIRS)
        connection.execute(repair.encode())
        assert connection.execute(_FAULTS).fetchall() == []


def test_who_bought_before_a_push_is_known_when_they_come_back(cluster: Cluster) -> None:
    """The first release keeps nothing of what people confirm where the bonus is 0."""
    with at_release(cluster, "0.1.0") as name, closing(Bank(cluster.url(name))) as bank:
        bank.change("update coinslot.settings set signup_bonus = 0")
        buyer, other = signed_up(bank), signed_up(bank)
        bought(bank, buyer)
        push(cluster, name)
        bank.change("select coinslot.set_promotion('first', %s, '')", Jsonb(_FIRST_PURCHASE))
        bank.ask(Call("coinslot_set_code", {"code": "FIRST", "promotion": "first"}))
        said = {}
        for user in (buyer, other):
            bank.change("delete from auth.users where id = %s", user)
            again = signed_up(bank, email=f"{user}@example.com")
            answer = bank.ask(Call("check_token_code", {"code": "FIRST"}, again))
            said[user] = answer["check_token_code"]["outcome"]
        assert said == {buyer: "first_purchase_only", other: "usable"}
        assert bank.audit() == []
