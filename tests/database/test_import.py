"""Importing while the app is live: whatever happens meanwhile, each old balance arrives once."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from uuid import UUID, uuid4

import psutil
import psycopg
import pytest

from devstack.settings import ROOT
from tests.database.people import Answer, Bank, Connection, merge, spend
from tests.database.waiting import done_or_blocked
from tests.support.clusters import Cluster

_HOLD_ACCOUNT = """
insert into coinslot.identities (identity_hash, user_id)
select encode(sha256(convert_to(s.identity_salt || 'account:' || %s, 'UTF8')), 'hex'), %s
from coinslot.settings s
"""

MIGRATIONS = sorted((ROOT / "supabase/migrations").glob("*.sql"))

_MANY_USERS = """
insert into auth.users (id, email, email_confirmed_at, created_at)
select gen_random_uuid(), n || '@many.example.com', now(), now() from generate_series(1, %s) n
"""


class App:
    """A table of balances, as an app has it that counts tokens by itself."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.table = f"public.members_{uuid4().hex}"
        bank.change(f"create table {self.table} (id uuid primary key, tokens integer)")

    def member(self, tokens: int) -> UUID:
        user = self.bank.user()
        self.bank.change(f"insert into {self.table} values (%s, %s)", user, tokens)
        return user

    def take(self, connection: Connection) -> Answer:
        """The import, and its answer."""
        query = f"select * from coinslot.import_balances('{self.table}', 'id', 'tokens')"
        row = connection.execute(query).fetchone()
        assert row
        return row

    def pay(self, user: UUID) -> Callable[[Connection], bool]:
        """The app's own way to give a token; false once its column is gone."""

        def call(connection: Connection) -> bool:
            statement = f"update {self.table} set tokens = tokens + 1 where id = %s"
            try:
                connection.execute(statement, [user])
            except psycopg.errors.UndefinedColumn:
                return False
            return True

        return call


@pytest.fixture
def app(bank: Bank) -> App:
    return App(bank)


def test_what_the_app_pays_during_an_import_arrives_or_fails_loudly(app: App) -> None:
    """The import is stopped after it has taken the balances."""
    user = app.member(10)
    with (
        closing(app.bank.connect()) as holder,
        closing(app.bank.connect()) as importer,
        closing(app.bank.connect()) as payer,
        ThreadPoolExecutor(2) as threads,
    ):
        holder.execute("begin")
        holder.execute(_HOLD_ACCOUNT, [user, user])
        taking = threads.submit(app.take, importer)
        done_or_blocked(taking, importer, holder)
        paying = threads.submit(app.pay(user), payer)
        done_or_blocked(paying, payer, holder)
        holder.execute("rollback")
        taking.result(60)
        paid = paying.result(60)
    assert app.bank.wallet(user) == (10 + paid, 0)


def test_many_payments_beside_an_import_are_all_there(app: App) -> None:
    users = [app.member(10) for _ in range(8)]
    paid: dict[UUID, int] = dict.fromkeys(users, 0)

    def pay(user: UUID) -> Callable[[Connection], Answer]:
        def call(connection: Connection) -> Answer:
            while app.pay(user)(connection):
                paid[user] += 1
            return {}

        return call

    def take(connection: Connection) -> Answer:
        time.sleep(0.2)  # the others are in the middle of it
        return app.take(connection)

    app.bank.together([take, *map(pay, users)])
    assert sum(paid.values())
    assert [app.bank.wallet(user)[0] for user in users] == [10 + paid[user] for user in users]
    assert not app.bank.audit()


def test_spending_goes_on_beside_an_import(app: App) -> None:
    users = [app.member(10) for _ in range(8)]
    for user in users:
        app.bank.change("select coinslot.add_tokens(%s, 30, 'k', '', 'grant')", user)

    def buy(user: UUID) -> Callable[[Connection], Answer]:
        def call(connection: Connection) -> Answer:
            for number in range(20):
                spend(user, 1, f"{number}")(connection)
            return {}

        return call

    app.bank.together([*map(buy, users), app.take])
    assert {app.bank.wallet(user) for user in users} == {(10 + 30 - 20, 0)}
    assert not app.bank.audit()


def test_a_bonus_that_is_being_paid_is_part_of_the_balance(app: App) -> None:
    user = app.member(10)
    with (
        closing(app.bank.connect()) as auth,
        closing(app.bank.connect()) as importer,
        ThreadPoolExecutor(1) as thread,
    ):
        auth.execute("begin")
        auth.execute("set constraints all immediate")
        auth.execute("update auth.users set email_confirmed_at = now() where id = %s", [user])
        taking = thread.submit(app.take, importer)
        done_or_blocked(taking, importer, auth)
        auth.execute("commit")
        taking.result(60)
    assert app.bank.history(user) == [("signup_bonus", 5), ("adjustment", 5)]


def test_who_is_merged_while_an_import_waits_is_named(app: App) -> None:
    user, other = app.member(10), app.bank.user(1)
    with (
        closing(app.bank.connect()) as merging,
        closing(app.bank.connect()) as importer,
        ThreadPoolExecutor(1) as thread,
    ):
        merging.execute("begin")
        merge(user, other, f"{user}").inside(merging)
        taking = thread.submit(app.take, importer)
        done_or_blocked(taking, importer, merging)
        merging.execute("commit")
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match=f"into {other}"):
            taking.result(60)
    assert (app.bank.wallet(user), app.bank.wallet(other)) == ((0, 0), (1, 0))


def test_an_import_waits_for_nobody_who_has_a_merged_wallet(app: App) -> None:
    """A capture whose hold moved has such a one, and waits for the owner's, whose id comes first
    and which the import has then. Between the two, the import is made to wait for a third."""
    into, between, out = sorted(app.member(0) for _ in range(3))
    lock = "select coinslot.lock_wallet(%s)"
    with (
        closing(app.bank.connect()) as other,
        closing(app.bank.connect()) as merging,
        closing(app.bank.connect()) as capturer,
        closing(app.bank.connect()) as importer,
        ThreadPoolExecutor(2) as threads,
    ):
        for connection in (other, merging, capturer):
            connection.execute("begin")
        other.execute(lock, [between])
        merge(out, into, f"{out}").inside(merging)
        capturing = threads.submit(capturer.execute, lock, [out])
        done_or_blocked(capturing, capturer, merging)
        taking = threads.submit(app.take, importer)
        done_or_blocked(taking, importer, merging)
        merging.execute("commit")
        capturing.result(60)
        done_or_blocked(taking, importer, other)
        other.execute("commit")
        assert isinstance(taking.result(60), dict)
    assert not app.bank.audit()


def test_an_import_that_would_see_the_past_is_refused(app: App) -> None:
    user = app.member(10)
    with closing(app.bank.connect()) as importer:
        importer.execute("begin isolation level repeatable read")
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="read committed"):
            app.take(importer)
    assert app.bank.wallet(user) == (0, 0)


def test_two_imports_at_once_are_one(app: App) -> None:
    user = app.member(10)
    answers = app.bank.together([app.take] * 4)
    assert sorted(bool(each["replayed"]) for each in answers if isinstance(each, dict)) == [
        *[False, True, True, True]
    ]
    assert app.bank.wallet(user) == (10, 0)


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_a_hundred_thousand_users_are_imported_in_seconds(
    cluster: Cluster, record_property: Callable[[str, float], None]
) -> None:
    """All of it is under the lock, so that is how long the app's table is away."""
    users = 100_000
    with cluster.unmigrated() as name, closing(Bank(cluster.url(name))) as bank:
        bank.change(_MANY_USERS, users)
        app = App(bank)
        bank.change(f"insert into {app.table} select id, 42 from auth.users")
        with closing(bank.connect()) as connection:
            for migration in MIGRATIONS:
                connection.execute(migration.read_bytes())
            backend = psutil.Process(connection.info.backend_pid)
            began, worked = time.monotonic(), backend.cpu_times().user
            answer = app.take(connection)
            seconds, work = time.monotonic() - began, backend.cpu_times().user - worked
        assert isinstance(answer, dict)
        assert (answer["users"], answer["tokens"]) == (users, 42 * users)
        assert work < 15, "not in seconds, even if nobody else had used this machine"
        assert not bank.audit()
    record_property("users imported", users)
    record_property("seconds under the lock", round(seconds, 1))
    record_property("of them at work", round(work, 1))
