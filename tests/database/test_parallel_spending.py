"""Everybody spends at once: a key debits once, and nobody spends what is not there."""

from __future__ import annotations

from collections import Counter

from tests.database.people import (
    Bank,
    Refusal,
    grant,
    hold,
    receipts,
    refusals,
    spend,
    spend_for,
)

TOO_FEW = Refusal("PT402", "insufficient_tokens")
REUSED = Refusal("PT409", "idempotency_key_reused")


def test_fifty_replays_of_one_key_debit_once(bank: Bank) -> None:
    user = bank.user(100)
    answers = receipts(bank.together([spend(user, 1, "same")] * 50))
    assert Counter(answer["replayed"] for answer in answers) == {False: 1, True: 49}
    assert {answer["seq"] for answer in answers} == {2}
    assert bank.wallet(user) == (99, 0)
    assert bank.history(user) == [("grant", 100), ("spend", -1)]
    assert not bank.audit()


def test_replays_of_the_last_token_are_answered_and_not_refused(bank: Bank) -> None:
    user = bank.user(1)
    assert receipts(bank.together([spend(user, 1, "same")] * 30))
    assert bank.wallet(user) == (0, 0)
    assert not bank.audit()


def test_fifty_spends_of_one_on_ten_tokens_are_ten_and_fortyrefusals(bank: Bank) -> None:
    user = bank.user(10)
    answers = bank.together([spend(user, 1, f"key {n}") for n in range(50)])
    assert refusals(answers) == {TOO_FEW: 40}
    assert bank.wallet(user) == (0, 0)
    assert len(bank.history(user)) == 11
    assert not bank.audit()


def test_replays_racing_other_keys_debit_each_key_once(bank: Bank) -> None:
    user = bank.user(6)
    answers = bank.together([spend(user, 1, f"key {n % 10}") for n in range(50)])
    paid = {a["idempotency_key"] for a in answers if not isinstance(a, Refusal)}
    assert len(paid) == 6
    assert set(refusals(answers)) == {TOO_FEW}
    assert bank.wallet(user) == (0, 0)
    assert len(bank.history(user)) == 7
    assert not bank.audit()


def test_one_key_for_two_amounts_is_one_of_them(bank: Bank) -> None:
    user = bank.user(100)
    answers = bank.together([spend(user, 1 + n % 2, "same") for n in range(40)])
    assert refusals(answers) == {REUSED: 20}
    [(_, _), (_, taken)] = bank.history(user)
    assert bank.wallet(user) == (100 + taken, 0)
    assert not bank.audit()


def test_one_key_of_the_service_is_a_spend_or_a_grant_or_a_hold(bank: Bank) -> None:
    for _ in range(5):
        user = bank.user(100)
        calls = [spend_for(user, 1, "same"), grant(user, 1, "same"), hold(user, 1, "same")]
        answers = bank.together(calls * 8)
        assert refusals(answers) == {REUSED: 16}
        [row] = bank.rows(
            "select (select count(*) from token_ledger where user_id = %s and seq > 1)"
            " + (select count(*) from coinslot.token_holds where user_id = %s) as made",
            user,
            user,
        )
        assert row["made"] == 1
    assert not bank.audit()


def test_a_user_and_the_service_with_one_key_both_pay(bank: Bank) -> None:
    user = bank.user(10)
    assert receipts(bank.together([spend(user, 1, "same"), spend_for(user, 1, "same")] * 10))
    assert bank.wallet(user) == (8, 0)
    assert not bank.audit()
