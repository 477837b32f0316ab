"""The look at an app's database: the first migration's own check, and no password in any word."""

from __future__ import annotations

from urllib.parse import quote

import psycopg
import pytest

from coinslot.installation.database import look_at
from coinslot.installation.refusal import InstallationRefused
from coinslot.installation.shipped import database_check, shipped_migrations
from tests.support.clusters import Cluster

FIRST = shipped_migrations()[0]
CHECK = database_check(FIRST)


def test_nothing_is_in_the_way_in_an_empty_one(cluster: Cluster) -> None:
    with cluster.unmigrated() as name:
        assert look_at(cluster.url(name), CHECK, {"20270101000000"}) is False
        with psycopg.connect(cluster.url(name)) as connection:
            assert connection.execute("select to_regnamespace('coinslot')").fetchone() == (None,)


def test_what_is_in_the_way_is_said(cluster: Cluster) -> None:
    with cluster.unmigrated() as name:
        with psycopg.connect(cluster.url(name)) as connection:
            connection.execute("create table public.token_payments ()")
            connection.execute("create table public.token_prices ()")
        with pytest.raises(InstallationRefused) as refused:
            look_at(cluster.url(name), CHECK, ())
    assert str(refused.value).splitlines()[1:] == [
        "- table public.token_payments: the name is Coinslot's. Rename yours.",
        "- table public.token_prices: the name is Coinslot's. Rename yours.",
    ]


def test_what_was_pushed_before_is_not_checked_again(cluster: Cluster) -> None:
    url = cluster.url(cluster.template("strict"))
    assert look_at(url, CHECK, {FIRST.name[:14]}) is True
    with pytest.raises(InstallationRefused, match="installed here already"):
        look_at(url, CHECK, {"20270101000000"})


def test_a_role_without_rights_is_told_so(cluster: Cluster) -> None:
    with cluster.unmigrated() as name:
        cli = "create schema supabase_migrations; create table supabase_migrations.{} ()"
        with psycopg.connect(cluster.url(name)) as connection:
            connection.execute(cli.format("schema_migrations").encode())
        url = cluster.url(name, "authenticator")
        with pytest.raises(InstallationRefused, match="authenticator may not create a schema"):
            look_at(url, CHECK, ())


@pytest.mark.parametrize("password", ["hunter2", "hun@ter2", "hun/ter2", "12/hunter2", "h?ter2#"])
@pytest.mark.parametrize("encoded", [True, False])
def test_no_password_is_repeated(password: str, encoded: bool) -> None:
    given = quote(password, safe="") if encoded else password
    with pytest.raises(InstallationRefused) as refused:
        look_at(f"postgresql://postgres:{given}@127.0.0.1:1/postgres", CHECK, ())
    said = str(refused.value)
    assert not {password, *password.split("@"), *password.split("/")} & set(said.split("'\"@/:"))
    assert "ter2" not in said
    assert ("cannot be looked at" in said) or ("cannot be read" in said)


@pytest.mark.parametrize(
    "address", ["nonsense", "https://example.com/hunter2", "", "password=hunter2 x", "a=hunter2"]
)
def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(InstallationRefused) as refused:
        look_at(address, CHECK, ())
    assert "postgresql://user:password@host" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_refused_password_is_a_sentence(cluster: Cluster) -> None:
    url = cluster.url("postgres").replace(":postgres@", ":hunter2@")
    with pytest.raises(InstallationRefused, match="cannot be looked at") as refused:
        look_at(url, CHECK, ())
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)
