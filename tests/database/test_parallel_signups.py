"""The bonus is given once per identity, also to accounts that are made at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from tests.database.people import Answer, Bank, Connection
from tests.database.waiting import done_or_blocked

_HOLD_THE_MIDDLE_ONE = """
insert into coinslot.identities (identity_hash, user_id)
select encode(sha256(convert_to(s.identity_salt || i.name, 'UTF8')), 'hex'), gen_random_uuid()
from coinslot.settings s cross join unnest(%s::text[]) i (name)
order by 1 offset 1 limit 1
"""


def test_one_address_spelled_eight_ways_at_once_gets_one_bonus(bank: Bank) -> None:
    for turn in range(5):
        users = [uuid4() for _ in range(8)]
        bank.together([_sign_up(user, _spelling(turn, n)) for n, user in enumerate(users)])
        assert sorted(bank.wallet(user) for user in users) == [*[(0, 0)] * 7, (5, 0)]
    assert not bank.audit()


def test_confirming_one_account_many_times_at_once_gives_one_bonus(bank: Bank) -> None:
    user = bank.user()
    bank.together([_confirm(user)] * 20)
    assert bank.history(user) == [("signup_bonus", 5)]
    assert not bank.audit()


def test_accounts_with_the_same_identities_get_one_bonus_and_no_deadlock(bank: Bank) -> None:
    """All are stopped in the middle of it: if some went the other way they could not go on."""
    sub = uuid4().hex
    identities = [(provider, sub) for provider in ("google", "kakao", "naver")]
    users = [bank.user() for _ in range(10)]
    with ExitStack() as open_ones, ThreadPoolExecutor(len(users)) as threads:
        holder, *others = (
            open_ones.enter_context(closing(bank.connect())) for _ in range(1 + len(users))
        )
        holder.execute("begin")
        holder.execute(_HOLD_THE_MIDDLE_ONE, [[":".join(identity) for identity in identities]])
        calls = []
        for user, connection in zip(users, others, strict=True):
            link = _link(user, identities, f"{user}")
            calls.append(threads.submit(link, connection))
            done_or_blocked(calls[-1], connection, holder)
        holder.execute("rollback")
        for call in calls:
            call.result(60)
    assert sorted(bank.wallet(user) for user in users) == [*[(0, 0)] * 9, (5, 0)]
    assert not bank.audit()


def test_an_identity_confirmed_while_another_account_confirms_it_pays_once(bank: Bank) -> None:
    """The first has decided and not yet committed; the second waits, and follows how it ends."""
    for ends, tokens in (("commit", (5, 0)), ("rollback", (0, 5))):
        first, second = bank.user(), bank.user()
        email = f"{first}@gmail.com"
        with closing(bank.connect()) as one, closing(bank.connect()) as two:
            one.execute("begin")
            one.execute("set constraints all immediate")
            _confirm_as(one, first, email)
            with ThreadPoolExecutor(1) as thread:
                other = thread.submit(_confirm_as, two, second, f"{first}+2@gmail.com")
                done_or_blocked(other, two, one)
                one.execute(ends)
                other.result(60)
        assert (bank.wallet(first)[0], bank.wallet(second)[0]) == tokens


def test_linking_and_confirming_at_once_is_one_bonus(bank: Bank) -> None:
    for _ in range(5):
        user = bank.user()
        bank.together([_confirm(user), *(_link(user, [(p, f"{user}")], f"{p}") for p in "abc")])
        assert bank.history(user) == [("signup_bonus", 5)]
    assert not bank.audit()


def _spelling(turn: int, number: int) -> str:
    """Letters in all the cases that three bits give."""
    letters = "".join(c.upper() if number >> i & 1 else c for i, c in enumerate("abc"))
    return f"{letters}{turn}@example.com"


def _sign_up(user_id: UUID, email: str) -> Callable[[Connection], Answer]:
    def call(connection: Connection) -> Answer:
        connection.execute(
            "insert into auth.users (id, email, email_confirmed_at) values (%s, %s, now())",
            [user_id, email],
        )
        return {}

    return call


def _confirm(user_id: UUID) -> Callable[[Connection], Answer]:
    def call(connection: Connection) -> Answer:
        connection.execute(
            "update auth.users set email_confirmed_at = now() where id = %s", [user_id]
        )
        return {}

    return call


def _link(
    user_id: UUID, identities: Sequence[tuple[str, str]], note: str
) -> Callable[[Connection], Answer]:
    """Identities of one person at several accounts. A unique key of Auth's does not allow that, so
    the provider's number is only in what it tells, as in rows that were written by hand."""

    def call(connection: Connection) -> Answer:
        with connection.transaction():
            for provider, sub in identities:
                connection.execute(
                    "insert into auth.identities (provider_id, user_id, provider, identity_data)"
                    " values (%s, %s, %s, %s)",
                    [f"{sub} {note}", user_id, provider, Jsonb({"sub": sub})],
                )
        return {}

    return call


def _confirm_as(connection: Connection, user_id: UUID, email: str) -> None:
    connection.execute(
        "update auth.users set email = %s, email_confirmed_at = now() where id = %s",
        [email, user_id],
    )
