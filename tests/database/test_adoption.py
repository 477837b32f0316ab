"""Users from before get their wallets while the app is in use: whoever is new or logs in does not
wait, and whoever was there and changes is judged once, by what they are in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from uuid import UUID, uuid4

import psycopg
import pytest

from devstack.postgres import SUPERUSER
from tests.database.people import Answer, Bank, Connection
from tests.database.waiting import done_or_blocked
from tests.support.clusters import Cluster

_ADOPT = "select coinslot.adopt_users()"
_CONFIRM = "update auth.users set email_confirmed_at = now() where id = %s"
_DELETE = "delete from auth.users where id = %s"
_AT_ONCE = "set lock_timeout = '1s'"


@pytest.fixture
def early(cluster: Cluster, bank: Bank) -> Iterator[tuple[UUID, UUID]]:
    """Two users from before: one has confirmed an address, one has not yet."""
    confirmed, waiting = uuid4(), uuid4()
    signed_up_before(cluster, bank, confirmed=[confirmed], waiting=[waiting])
    yield confirmed, waiting
    bank.change(_ADOPT)
    assert not bank.audit()


def test_nobody_who_is_new_or_logs_in_waits_for_an_adoption(
    bank: Bank, early: tuple[UUID, UUID]
) -> None:
    new = uuid4()
    with adopting(bank) as adoption, closing(bank.connect()) as auth:
        auth.execute(_AT_ONCE)
        auth.execute(
            "insert into auth.users (id, email, email_confirmed_at) values (%s, %s, now())",
            [new, f"{new}@example.com"],
        )
        for user in early:
            auth.execute("update auth.users set last_sign_in_at = now() where id = %s", [user])
        assert bank.wallet(new) == (5, 0)
        adoption.execute("commit")
    assert [bank.wallet(user) for user in early] == [(5, 0), (0, 0)]


@pytest.mark.parametrize(("end", "tokens"), [("commit", (5, 5)), ("rollback", None)])
def test_an_address_confirmed_during_an_adoption_is_paid_once(
    bank: Bank, early: tuple[UUID, UUID], end: str, tokens: tuple[int, int] | None
) -> None:
    """An adoption that fails gives nobody a wallet, and the next one judges both."""
    with (
        adopting(bank) as adoption,
        closing(bank.connect()) as auth,
        ThreadPoolExecutor(1) as thread,
    ):
        confirming = thread.submit(auth.execute, _CONFIRM, [early[1]])
        assert not done_or_blocked(confirming, auth, bank)
        adoption.execute(end)
        confirming.result(60)
    wallets = bank.rows("select from token_wallets where user_id = any(%s)", list(early))
    assert len(wallets) == (2 if tokens else 0)
    bank.change(_ADOPT)
    assert [bank.wallet(user)[0] for user in early] == [5, 5]
    assert bank.history(early[1]) == [("signup_bonus", 5)]


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_an_adoption_waits_for_an_address_that_is_being_confirmed(
    bank: Bank, early: tuple[UUID, UUID], end: str
) -> None:
    with closing(bank.connect()) as auth, closing(bank.connect()) as adoption:
        auth.execute("begin")
        auth.execute("set constraints all immediate")
        auth.execute(_CONFIRM, [early[1]])
        with ThreadPoolExecutor(1) as thread:
            adopting = thread.submit(adoption.execute, _ADOPT)
            assert not done_or_blocked(adopting, adoption, bank)
            auth.execute(end)
            adopting.result(60)
    assert bank.wallet(early[1]) == (5 if end == "commit" else 0, 0)


def test_the_wallet_of_a_user_deleted_during_an_adoption_is_closed(
    bank: Bank, early: tuple[UUID, UUID]
) -> None:
    with (
        adopting(bank) as adoption,
        closing(bank.connect()) as auth,
        ThreadPoolExecutor(1) as thread,
    ):
        deleting = thread.submit(auth.execute, _DELETE, [early[0]])
        assert not done_or_blocked(deleting, auth, bank)
        adoption.execute("commit")
        deleting.result(60)
    [wallet] = bank.rows("select closed_at from token_wallets where user_id = %s", early[0])
    assert wallet["closed_at"]


def test_an_adoption_waits_for_a_deletion_and_makes_no_wallet(
    bank: Bank, early: tuple[UUID, UUID]
) -> None:
    with closing(bank.connect()) as auth, closing(bank.connect()) as adoption:
        auth.execute("begin")
        auth.execute(_DELETE, [early[0]])
        with ThreadPoolExecutor(1) as thread:
            adopting = thread.submit(adoption.execute, _ADOPT)
            assert not done_or_blocked(adopting, adoption, bank)
            auth.execute("commit")
            adopting.result(60)
    assert not bank.rows("select from token_wallets where user_id = %s", early[0])


def test_somebody_restored_before_an_adoption_is_judged_by_it(
    bank: Bank, early: tuple[UUID, UUID]
) -> None:
    for deleted in ("now()", "null"):
        bank.change(f"update auth.users set deleted_at = {deleted} where id = %s", early[0])
    bank.change(_ADOPT)
    assert bank.history(early[0]) == [("signup_bonus", 5)]


@pytest.mark.parametrize(("end", "tokens"), [("commit", 0), ("rollback", 5)])
def test_one_address_of_somebody_new_and_of_somebody_from_before_is_paid_once(
    bank: Bank, early: tuple[UUID, UUID], end: str, tokens: int
) -> None:
    new = uuid4()
    with (
        adopting(bank) as adoption,
        closing(bank.connect()) as auth,
        ThreadPoolExecutor(1) as thread,
    ):
        signing_up = thread.submit(
            auth.execute,
            "insert into auth.users (id, email, email_confirmed_at) values (%s, %s, now())",
            [new, f"{early[0]}+2@example.com"],
        )
        assert not done_or_blocked(signing_up, auth, bank)
        adoption.execute(end)
        signing_up.result(60)
    bank.change(_ADOPT)
    assert (bank.wallet(new)[0], bank.wallet(early[0])[0]) == (tokens, 5 - tokens)


def test_an_adoption_beside_a_crowd_pays_each_once(cluster: Cluster, bank: Bank) -> None:
    """Sixty from before confirm, are deleted or do nothing, while two adoptions run."""
    users = [uuid4() for _ in range(60)]
    signed_up_before(cluster, bank, waiting=users)

    bank.together(
        [
            each(_CONFIRM, users[:20]),
            each(_CONFIRM, users[20:40]),
            each(_DELETE, users[40:50]),
            each(_ADOPT, [None]),
            each(_ADOPT, [None]),
        ]
    )
    bank.change(_ADOPT)
    assert [bank.history(user) for user in users[:40]] == [[("signup_bonus", 5)]] * 40
    assert not any(bank.history(user) for user in users[40:])
    left = bank.rows("select closed_at from token_wallets where user_id = any(%s)", users[40:50])
    assert all(wallet["closed_at"] for wallet in left)
    assert not bank.audit()


def signed_up_before(
    cluster: Cluster, bank: Bank, *, confirmed: Sequence[UUID] = (), waiting: Sequence[UUID] = ()
) -> None:
    """No trigger sees these users. Only a superuser can keep them still."""
    [row] = bank.rows("select current_database() as name")
    with psycopg.connect(cluster.url(row["name"], SUPERUSER)) as owner:
        owner.execute("set local session_replication_role = replica")
        for user in (*confirmed, *waiting):
            owner.execute(
                "insert into auth.users (id, email, email_confirmed_at, created_at) "
                "values (%s, %s, case when %s then now() end, now())",
                [user, f"{user}@example.com", user in confirmed],
            )


def each(statement: str, users: Sequence[UUID | None]) -> Callable[[Connection], Answer]:
    """The statement for one user after the other."""

    def call(connection: Connection) -> Answer:
        for user in users:
            connection.execute(statement, [user] if user else None)
        return {}

    return call


@contextmanager
def adopting(bank: Bank) -> Iterator[Connection]:
    """An adoption that has done everything but commit."""
    with closing(bank.connect()) as adoption:
        adoption.execute("begin")
        adoption.execute(_ADOPT)
        yield adoption
