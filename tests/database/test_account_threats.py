"""The threats of accounts, one by one: to steal by merging, deleting and signing up
again, by anonymous accounts, and by what merely looks like a right.

The attacker has every call that PostgREST lets them make, and gets the app's server to make those
that it makes for everybody: it merges an anonymous wallet into an account when somebody signs in.
"""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from tests.database.accounts import (
    BONUS,
    STARTER,
    anonymous,
    as_user,
    books,
    bought,
    confirm,
    receipts_of,
    refuse,
    signed_up,
    tried,
)
from tests.database.people import (
    Bank,
    Call,
    Refusal,
    ask_refund,
    create_order,
    gateway_says,
    hold,
    merge,
    spend,
)

__all__ = ["books"]

MERGED = Refusal("PT409", "wallet_merged")
NOT_FOUND = Refusal("PT404", "wallet_not_found")
_EMAILS = "select email from auth.users where id = any(%s)"
_ORDER = "select create_token_order('starter', 'portone')"
FORBIDDEN = Refusal("PT403", "forbidden")


# ---- by merging ----


def test_merge_anothers_wallet_into_mine(bank: Bank) -> None:
    """With the publishable key and a session of one's own, anonymous or not."""
    victim, attacker = bank.user(50), bank.user()
    for user in (attacker, anonymous(bank), victim):
        for pair in ((victim, attacker), (attacker, victim)):
            stolen = merge(*pair, f"{pair}")
            for rpc in ("public.merge_token_wallets", "coinslot.merge_wallets"):
                refuse(bank, Call(rpc, stolen.arguments, user))
    assert (bank.wallet(victim), bank.wallet(attacker)) == ((50, 0), (0, 0))


@pytest.mark.parametrize(
    "statement",
    [
        "update public.token_wallets set merged_into = auth.uid() where user_id = %s",
        "update public.token_wallets set has_merged = true where user_id <> %s",
        "update public.token_payments set user_id = auth.uid() where user_id = %s",
        "insert into coinslot.merged_wallets (from_user, into_user, owner_user, idempotency_key,"
        " tokens, balance, orders, holds) values (%s, auth.uid(), auth.uid(), 'k', 1, 1, 0, 0)",
        "select * from coinslot.merged_wallets where from_user = %s",
    ],
)
def test_merge_by_writing_rows(bank: Bank, statement: str) -> None:
    victim, attacker = bank.user(50), bank.user()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_user(bank, attacker, statement, victim)
    assert bank.wallet(victim) == (50, 0)


def test_merge_one_wallet_twice(bank: Bank) -> None:
    """Into two accounts, under many keys, at once and one after the other."""
    source, one, two = bank.user(20), bank.user(), bank.user()
    calls = [merge(source, into, f"{n} {into}") for n in range(4) for into in (one, two)]
    answers = bank.together(calls)
    assert len(receipts_of(answers)) == 1
    again = receipts_of([answer for call in calls for answer in bank.together([call])])
    assert [answer["replayed"] for answer in again] == [True]
    assert bank.wallet(one)[0] + bank.wallet(two)[0] == 20


def test_merge_in_a_circle(bank: Bank) -> None:
    """Tokens come back to nobody who has given them away."""
    users = [bank.user(10) for _ in range(4)]
    bank.together([merge(a, b, f"{a} {b}") for a in users for b in users if a != b])
    assert sorted(bank.wallet(user)[0] for user in users) == [0, 0, 0, 40]


def test_merge_while_money_is_asked_back(bank: Bank) -> None:
    """The tokens set aside for a refund cannot be carried off, nor spent by the new owner."""
    thief, account = bank.user(), bank.user(1)
    order = bought(bank, thief)
    bank.ask(ask_refund(order, "r"))
    for pair in ((thief, account), (account, thief)):
        assert tried(bank, merge(*pair, f"{pair}")).message == "refund_in_progress"
    assert tried(bank, spend(thief, STARTER, "k")).message == "insufficient_tokens"
    bank.ask(gateway_says(order, 2, paid=5000, refunded=5000))
    bank.ask(merge(thief, account, f"after {thief}"))
    assert bank.wallet(account) == (1, 0)


def test_merge_away_from_a_dispute(bank: Bank) -> None:
    """Bought, spent, merged into a clean account, and only then disputed: the debt is there."""
    thief, account = bank.user(), bank.user(3)
    order = bought(bank, thief)
    bank.ask(spend(thief, STARTER, "all"))
    bank.ask(merge(thief, account, f"away {thief}"))
    bank.ask(gateway_says(order, 2, paid=5000, withdrawn=5000))
    assert (bank.wallet(thief), bank.wallet(account)) == ((0, 0), (3 - STARTER, 0))
    assert tried(bank, spend(account, 1, "k")).message == "insufficient_tokens"


def test_merge_a_debt_away(bank: Bank) -> None:
    """In either direction, through as many accounts as one likes."""
    thief, *others = (bank.user() for _ in range(4))
    order = bought(bank, thief)
    bank.ask(spend(thief, STARTER, "all"))
    bank.ask(gateway_says(order, 2, paid=5000, withdrawn=5000))
    for one, two in zip([thief, *others], others, strict=False):
        bank.ask(merge(one, two, f"{one} {two}"))
    assert [bank.wallet(user)[0] for user in (thief, *others)] == [0, 0, 0, -STARTER]


def test_merge_and_spend_from_both(bank: Bank) -> None:
    """Both sessions go on at once: what there was is spent once."""
    one, two = bank.user(10), bank.user(10)
    answers = bank.together(
        [
            merge(one, two, f"{one} {two}"),
            *(spend(user, 5, f"{user} {n}") for n in range(6) for user in (one, two)),
            *(hold(user, 5, f"{user} h{n}") for n in range(3) for user in (one, two)),
        ]
    )
    taken = 5 * (len(receipts_of(answers)) - 1)
    tokens, held = bank.wallet(two)
    assert 0 <= tokens - held == 20 - taken
    assert bank.wallet(one) == (0, 0)


# ---- for a second bonus ----


def test_bonus_of_many_anonymous_accounts(bank: Bank) -> None:
    account = signed_up(bank)
    for _ in range(10):
        bank.ask(merge(anonymous(bank), account, uuid4().hex))
    assert bank.wallet(account) == (BONUS, 0)


def test_bonus_by_linking_after_a_merge(bank: Bank) -> None:
    """The merged user confirms an address that nobody had, is deleted, and comes back with it."""
    account, gone = signed_up(bank), anonymous(bank)
    bank.ask(merge(gone, account, f"{gone}"))
    confirm(bank, gone, f"{gone}@example.com")
    bank.change("delete from auth.users where id = %s", gone)
    signed_up(bank, gone, f"{uuid4()}@example.com")
    assert (bank.wallet(account), bank.wallet(gone)) == ((BONUS, 0), (0, 0))
    assert tried(bank, spend(gone, 1, "k")) == MERGED


def test_bonus_by_deleting_and_signing_up_again(bank: Bank) -> None:
    """With the address as it was or spelled otherwise, and merged into one account each time."""
    name, account = uuid4().hex, signed_up(bank)
    spellings = (f"{name}@gmail.com", f"{name.upper()}+2@GoogleMail.com", f"{name}@GMAIL.com")
    for email in (*spellings, f"{name[:9]}.{name[9:]}@gmail.com"):
        again = signed_up(bank, email=email)
        bank.ask(merge(again, account, f"{again}"))
        bank.change("delete from auth.users where id = %s", again)
    assert bank.wallet(account) == (BONUS + BONUS, 0)


def test_bonus_by_deleting_the_merged_account(bank: Bank) -> None:
    """Two accounts had theirs. Deleted and signed up again, neither address has another."""
    one, two = (signed_up(bank, email=f"{uuid4()}@example.com") for _ in range(2))
    emails = [row["email"] for row in bank.rows(_EMAILS, [one, two])]
    bank.ask(merge(one, two, f"{one}"))
    bank.change("delete from auth.users where id = any(%s)", [one, two])
    again = [signed_up(bank, email=email) for email in emails]
    assert bank.wallet(two) == (2 * BONUS, 0)
    assert [bank.wallet(user) for user in again] == [(0, 0), (0, 0)]


# ---- by deleting and coming back ----


def test_debt_left_behind_by_coming_back(bank: Bank) -> None:
    """Under the same id the debt is there again. Under another there is no bonus to live on."""
    email = f"{uuid4()}@example.com"
    thief = signed_up(bank, email=email)
    order = bought(bank, thief)
    bank.ask(spend(thief, BONUS + STARTER, "all"))
    bank.change("delete from auth.users where id = %s", thief)
    bank.ask(gateway_says(order, 2, paid=5000, withdrawn=5000))
    assert bank.wallet(signed_up(bank, email=email)) == (0, 0)
    assert bank.wallet(signed_up(bank, thief, f"{uuid4()}@example.com")) == (-STARTER, 0)


def test_money_of_a_deleted_account_taken_twice(bank: Bank) -> None:
    """Refunded while deleted, and spent after coming back."""
    thief = bank.user()
    order = bought(bank, thief)
    bank.change("delete from auth.users where id = %s", thief)
    bank.ask(gateway_says(order, 2, paid=5000, refunded=5000))
    signed_up(bank, thief, None)
    assert bank.wallet(thief) == (0, 0)
    assert tried(bank, spend(thief, 1, "k")).message == "insufficient_tokens"


def test_spending_of_a_deleted_account(bank: Bank) -> None:
    """Its JWT is good for an hour."""
    thief = bank.user(10)
    bank.change("delete from auth.users where id = %s", thief)
    for call in (spend(thief, 1, "k"), create_order(thief, "o"), hold(thief, 1, "h")):
        assert tried(bank, call) == NOT_FOUND
    assert bank.wallet(thief) == (10, 0)


# ---- by anonymous accounts ----


def test_anonymous_purchase_where_there_is_none(bank: Bank) -> None:
    """Auth's own record decides, not what the JWT claims."""
    nobody = anonymous(bank)
    bank.change("update coinslot.settings set anonymous_purchases = false")
    try:
        assert tried(bank, create_order(nobody, "o")).message == "account_required"
        with pytest.raises(psycopg.DatabaseError, match="account_required"):
            as_user(bank, nobody, _ORDER, claims={"is_anonymous": False, "role": "service_role"})
    finally:
        bank.change("update coinslot.settings set anonymous_purchases = true")


# ---- by what looks like a right ----


def test_operator_by_writing_a_row(bank: Bank) -> None:
    attacker = bank.user()
    for statement in (
        "insert into coinslot.operators (user_id, role) values (auth.uid(), 'owner')",
        "update coinslot.operators set user_id = auth.uid()",
        "select coinslot.add_operator(auth.uid()::text, 'owner')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_user(bank, attacker, statement)


def test_operator_by_merging_with_one(bank: Bank) -> None:
    """A wallet moves, a right does not: neither to who takes over nor back to who comes again."""
    operator, attacker = bank.operator("finance"), bank.user()
    order = bought(bank, attacker)
    bank.ask(merge(operator, attacker, f"{operator}"))
    refund = {"order_id": order, "reason": "mine", "idempotency_key": "r"}
    assert tried(bank, Call("request_token_refund", refund, attacker)) == FORBIDDEN
    bank.change("delete from auth.users where id = %s", operator)
    assert tried(bank, Call("request_token_refund", refund, operator)).code in {"PT403", "PT401"}
    assert bank.wallet(attacker) == (STARTER, 0)
