"""A shop that people have lived in, and the databases into which it is restored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from devstack.postgres import SUPERUSER
from tests.database.inhabitants import APP, TAKEN_IN, Inhabitants
from tests.database.people import Bank, create_order, gateway_says, hold, spend
from tests.support.clusters import Cluster
from tests.support.dumps import (
    OURS,
    psql,
    rows,
)

EVERYTHING = (*OURS, "--schema", "auth")
DATA = ("--data-only", *EVERYTHING)


@dataclass(frozen=True)
class Shop:
    """A database with people in it, in all states that a restore could confuse."""

    cluster: Cluster
    database: str
    buyer: UUID
    others: Inhabitants

    def rows(self) -> list[str]:
        return rows(self.cluster, self.database)


def lived_in(bank: Bank) -> UUID:
    # Copies of one template have the same; projects never do.
    bank.change("update coinslot.settings set identity_salt = gen_random_uuid()::text")
    buyer, gone = (sign_up(bank, name) for name in ("buyer", "gone"))
    order = bank.order(buyer)
    bank.ask(gateway_says(order, 1, paid=5000))
    bank.ask(spend(buyer, 4, "read"))
    bank.ask(hold(buyer, 2, "held"))
    bank.ask(create_order(buyer, "open"))
    bank.change("update coinslot.settings set signup_bonus = 6, max_open_orders = 3")
    bank.change("delete from token_features; delete from token_prices where currency <> 'KRW'")
    bank.change("delete from auth.users where id = %s", gone)
    return buyer


def sign_up(bank: Bank, name: str) -> UUID:
    [row] = bank.rows(
        "insert into auth.users (id, email, email_confirmed_at, created_at) "
        "values (gen_random_uuid(), %s, now(), now()) returning id",
        f"{name}@example.com",
    )
    return UUID(str(row["id"]))


@contextmanager
def bare(cluster: Cluster) -> Iterator[str]:
    """The name of a database in which nothing is, not even Auth."""
    with cluster.clone("template0") as name:
        yield name


def prepare_public(cluster: Cluster, database: str) -> None:
    """A dump of `public` makes it."""
    psql(cluster, database, "--command", "drop schema public", role=SUPERUSER)


def written(folder: Path, name: str, text: str) -> str:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return str(file)


def problems(bank: Bank) -> list[tuple[str, str]]:
    found = bank.rows("select code, subject from coinslot.check_installation()")
    return [(each["code"], each["subject"]) for each in found]


def repair(bank: Bank) -> None:
    """As the project's owner, each repair as it stands there."""
    for each in bank.rows("select repair from coinslot.check_installation()"):
        bank.change(each["repair"])


@contextmanager
def restored(shop: Shop, database: str) -> Iterator[Bank]:
    """The restored database. In the end it is whole, and life goes on in it."""
    with closing(Bank(shop.cluster.url(database))) as bank:
        yield bank
        assert problems(bank) == []
        assert rows(shop.cluster, database, *EVERYTHING) == rows(
            shop.cluster, shop.database, *EVERYTHING
        )
        assert bank.audit() == []
        assert bank.wallet(shop.buyer) == (5 + 10 - 4, 2)
        assert bank.wallet(sign_up(bank, "new")) == (6, 0)
        assert bank.wallet(sign_up(bank, "gone")) == (0, 0), "the bonus is paid again"
        assert bank.ask(spend(shop.buyer, 1, "after"))["balance"] == 10
        shop.others.go_on(bank)


@contextmanager
def new_project(cluster: Cluster) -> Iterator[str]:
    """One that has just been migrated, with the app's own migrations, too."""
    with cluster.clone(cluster.template("strict")) as name:
        psql(cluster, name, "--command", APP, "--command", TAKEN_IN)
        yield name
