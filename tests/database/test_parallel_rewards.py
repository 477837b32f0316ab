"""Refills and rewards that several calls are about to give at the same moment."""

from __future__ import annotations

from uuid import UUID, uuid4

from tests.database.accounts import bought, signed_up
from tests.database.people import Bank, Call, Refusal, maintain, receipts, refusals, spend

REFILL, REWARD, BONUS, MOST = 5, 20, 10, 3
_RULES = """
update coinslot.settings set signup_bonus = 0, referral_reward = %s, referral_bonus = %s,
  max_referrals = %s, referral_wait = '0'
"""
_REFILL = {"id": "month", "tokens": REFILL, "every": "month", "time_zone": "UTC"}


def test_uses_at_once_are_granted_one_refill(bank: Bank) -> None:
    bank.change(_RULES, 0, 0, MOST)
    bank.ask(Call("coinslot_set_refill", _REFILL))
    user = signed_up(bank)
    answers = bank.together([spend(user, 1, f"k{number}") for number in range(20)])
    assert refusals(answers) == {Refusal("PT402", "insufficient_tokens"): 20 - REFILL}
    assert bank.history(user) == [("refill", REFILL), *[("spend", -1)] * REFILL]
    assert not bank.audit()


def test_accounts_with_one_identity_have_one_refill_between_them(bank: Bank) -> None:
    bank.change(_RULES, 0, 0, MOST)
    bank.ask(Call("coinslot_set_refill", _REFILL))
    name = uuid4().hex
    users = [signed_up(bank, email=f"{name}+{number}@example.com") for number in range(20)]
    answers = bank.together([spend(user, 1, "k") for user in users])
    assert refusals(answers) == {Refusal("PT402", "insufficient_tokens"): 19}
    assert sum(bank.wallet(user)[0] for user in users) == REFILL - 1
    assert not bank.audit()


def test_maintenance_of_many_servers_rewards_once_and_not_beyond_the_most(bank: Bank) -> None:
    """Ten were invited by one, who is rewarded three times."""
    bank.change("delete from coinslot.refill_walks; update coinslot.refills set active = false")
    bank.change(_RULES, REWARD, BONUS, MOST)
    referrer, friends = signed_up(bank), [signed_up(bank) for _ in range(10)]
    code = _code(bank, referrer)
    orders = [_invited(bank, friend, code) for friend in friends]
    receipts(bank.together([maintain()] * 8))
    bank.ask(maintain())  # for wallets that were in use
    assert bank.history(referrer) == [("referral", REWARD)] * MOST
    for friend in friends:
        assert bank.history(friend) == [("purchase", 10), ("referral", BONUS)]
    assert len(set(orders)) == 10
    assert not bank.audit()


def _invited(bank: Bank, friend: UUID, code: str) -> str:
    bank.ask(Call("accept_token_invitation", {"code": code}, friend))
    return bought(bank, friend)


def test_two_who_invite_each_other_at_once(bank: Bank) -> None:
    bank.change(_RULES, REWARD, BONUS, MOST)
    pairs = [(signed_up(bank), signed_up(bank)) for _ in range(15)]
    codes = {user: _code(bank, user) for pair in pairs for user in pair}
    bank.together(
        [
            Call("accept_token_invitation", {"code": codes[of]}, user)
            for pair in pairs
            for user, of in (pair, pair[::-1])
        ]
    )
    both = """
    select from coinslot.referrals r
    inner join coinslot.referrals o on o.referrer = r.referred and o.referred = r.referrer
    """
    assert bank.rows(both) == []
    accepted = "select from coinslot.referrals r where r.referred = any(%s)"
    assert bank.rows(accepted, list(codes))


def _code(bank: Bank, user: UUID) -> str:
    answer = bank.ask(Call("get_token_invitation", {}, user))
    return str(answer["get_token_invitation"]["code"])
