"""The threats of what is given away: refills, codes and rewards, each wanted more than once by
somebody with several accounts."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from tests.database.accounts import (
    STARTER,
    anonymous,
    books,
    bought,
    confirm,
    signed_up,
    tried,
)
from tests.database.people import Bank, Call, Refusal, merge, spend

__all__ = ["books"]

REFILL, GIFT, REWARD, BONUS = 5, 7, 20, 10


@pytest.fixture(autouse=True)
def rules(bank: Bank) -> None:
    bank.change(
        "update coinslot.settings set signup_bonus = 0, referral_reward = %s, referral_bonus = %s,"
        " referral_wait = '0'",
        REWARD,
        BONUS,
    )
    refill = {"id": "month", "tokens": REFILL, "every": "month", "time_zone": "UTC"}
    bank.ask(Call("coinslot_set_refill", refill))
    terms = Jsonb({"kind": "tokens", "tokens": GIFT})
    bank.change("select coinslot.set_promotion('gift', %s, '')", terms)
    bank.ask(Call("coinslot_set_code", {"code": "GIFT", "promotion": "gift"}))
    terms = Jsonb({"kind": "percent", "percent_off": 20, "first_purchase": True})
    bank.change("select coinslot.set_promotion('welcome', %s, '')", terms)
    bank.ask(Call("coinslot_set_code", {"code": "WELCOME", "promotion": "welcome"}))


def three_accounts(bank: Bank) -> list[UUID]:
    """One mailbox, in three spellings."""
    name = uuid4().hex
    first, second = (signed_up(bank, email=f"{name}{tag}@gmail.com") for tag in ("", "+2"))
    third = signed_up(bank, email=f"{name[:8]}.{name[8:]}@googlemail.com")
    return [first, second, third]


def test_refill_of_three_accounts(bank: Bank) -> None:
    accounts = three_accounts(bank)
    bank.ask(spend(accounts[0], 1, "k"))
    for account in accounts[1:]:
        assert tried(bank, spend(account, 1, "k")) == Refusal("PT402", "insufficient_tokens")
    assert [bank.wallet(account)[0] for account in accounts] == [REFILL - 1, 0, 0]


def test_refill_by_deleting_and_signing_up_again(bank: Bank) -> None:
    email = f"{uuid4()}@example.com"
    first = signed_up(bank, email=email)
    bank.ask(spend(first, REFILL, "k"))
    bank.change("delete from auth.users where id = %s", first)
    again = signed_up(bank, email=email)
    assert tried(bank, spend(again, 1, "k")) == Refusal("PT402", "insufficient_tokens")
    back = signed_up(bank, first, email=email + ".org")  # under the old id
    assert tried(bank, spend(back, 1, "k2")) == Refusal("PT402", "insufficient_tokens")


def test_refill_of_anonymous_accounts_that_are_merged(bank: Bank) -> None:
    into = signed_up(bank)
    bank.ask(spend(into, 1, "k"))
    for number in range(3):
        visitor = anonymous(bank)
        assert tried(bank, spend(visitor, 1, "k")) == Refusal("PT402", "insufficient_tokens")
        bank.ask(merge(visitor, into, f"{into} {number}"))
    assert bank.wallet(into) == (REFILL - 1, 0)


def test_refill_of_two_accounts_that_are_merged(bank: Bank) -> None:
    one, two = signed_up(bank), signed_up(bank)
    for user in (one, two):
        bank.ask(spend(user, 1, "k"))
    bank.ask(merge(one, two, f"{one}"))
    assert bank.wallet(two) == (REFILL - 1, 0)


def test_code_of_three_accounts(bank: Bank) -> None:
    said = [_redeem(bank, account) for account in three_accounts(bank)]
    assert said == ["redeemed", "used", "used"]


def test_code_by_merging_and_linking(bank: Bank) -> None:
    """A used-up identity is taken to a fresh account, and a fresh one to a used-up account."""
    email = f"{uuid4()}@example.com"
    first, second = signed_up(bank, email=email), signed_up(bank)
    assert _redeem(bank, first) == "redeemed"
    bank.ask(merge(first, second, f"{first}"))
    assert _redeem(bank, second) == "used"
    third = anonymous(bank)
    assert _redeem(bank, third) == "identity_required"
    bank.change("delete from auth.users where id = %s", first)
    confirm(bank, third, email)
    assert _redeem(bank, third) == "used"


@pytest.mark.parametrize("signup_bonus", [0, 5])
def test_first_purchase_by_deleting_and_signing_up_again(bank: Bank, signup_bonus: int) -> None:
    """Also when an account that never bought was the first with the address."""
    bank.change("update coinslot.settings set signup_bonus = %s", signup_bonus)
    email = f"{uuid4()}@example.com"
    for _ in range(2):
        user = signed_up(bank, email=email)
        assert _look_up(bank, user, "welcome") == "usable"
        _delete(bank, user)
    buyer = signed_up(bank, email=email)
    bought(bank, buyer)
    _delete(bank, buyer)
    again = signed_up(bank, email=email)
    assert _look_up(bank, again, "welcome") == "first_purchase_only"
    assert _accept(bank, again, _code(bank, signed_up(bank))) == "has_bought"


def test_first_purchase_with_an_address_that_the_account_had_before(bank: Bank) -> None:
    user = signed_up(bank)
    confirm(bank, user, f"{user}@example.org")
    bought(bank, user)
    again = signed_up(bank, email=f"{user}@example.com")
    assert _look_up(bank, again, "welcome") == "first_purchase_only"


def test_first_purchase_by_linking_what_bought_before(bank: Bank) -> None:
    """An address that is linked after the purchase is a buyer's too."""
    user, email = anonymous(bank), f"{uuid4()}@example.com"
    bought(bank, user)
    confirm(bank, user, email)
    _delete(bank, user)
    assert _look_up(bank, signed_up(bank, email=email), "welcome") == "first_purchase_only"


def test_reward_for_inviting_oneself(bank: Bank) -> None:
    first, second, third = three_accounts(bank)
    assert _accept(bank, second, _code(bank, first)) == "own"
    friend = signed_up(bank)
    assert _accept(bank, friend, _code(bank, first)) == "accepted"
    assert _accept(bank, first, _code(bank, friend)) == "circle"
    assert _accept(bank, third, _code(bank, friend)) == "circle"
    stranger = signed_up(bank)
    assert _accept(bank, third, _code(bank, stranger)) == "accepted"
    assert _accept(bank, second, _code(bank, stranger)) == "already"


def test_circle_by_deleting_and_signing_up_again(bank: Bank) -> None:
    """Somebody who comes back is not invited by those whom they invited."""
    email = f"{uuid4()}@example.com"
    first, friend = signed_up(bank, email=email), signed_up(bank)
    assert _accept(bank, friend, _code(bank, first)) == "accepted"
    _delete(bank, first)
    again = signed_up(bank, email=email)
    assert _accept(bank, again, _code(bank, friend)) == "circle"


def test_reward_of_who_had_bought_with_an_account_that_was_deleted(bank: Bank) -> None:
    email = f"{uuid4()}@example.com"
    before = signed_up(bank, email=email)
    bought(bank, before)
    _delete(bank, before)
    first, friend = signed_up(bank), signed_up(bank)
    assert _accept(bank, friend, _code(bank, first)) == "accepted"
    confirm(bank, friend, email)
    bought(bank, friend)
    bank.ask(Call("coinslot_run_maintenance", {}))
    assert bank.history(friend) == [("purchase", STARTER)]
    assert bank.history(first) == []


def test_reward_by_buying_and_becoming_one(bank: Bank) -> None:
    first, second = signed_up(bank), signed_up(bank)
    assert _accept(bank, second, _code(bank, first)) == "accepted"
    bought(bank, second)
    bank.ask(merge(second, first, f"{second}"))
    bank.ask(Call("coinslot_run_maintenance", {}))
    assert [kind for kind, _ in bank.history(first)] == ["merge_in"]


def _delete(bank: Bank, user: UUID) -> None:
    bank.change("delete from auth.users where id = %s", user)


def _look_up(bank: Bank, user: UUID, code: str) -> str:
    answer = bank.ask(Call("check_token_code", {"code": code}, user))
    return str(answer["check_token_code"]["outcome"])


def _redeem(bank: Bank, user: UUID) -> str:
    arguments = {"code": "gift", "idempotency_key": str(uuid4())}
    return str(bank.ask(Call("redeem_token_code", arguments, user))["outcome"])


def _code(bank: Bank, user: UUID) -> str:
    return str(bank.ask(Call("get_token_invitation", {}, user))["get_token_invitation"]["code"])


def _accept(bank: Bank, user: UUID, code: str) -> str:
    answer = bank.ask(Call("accept_token_invitation", {"code": code}, user))
    return str(answer["accept_token_invitation"])
