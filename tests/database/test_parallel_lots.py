"""Wallets are folded, and lots end, while many spend, hold and are granted tokens."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from tests.database.people import (
    Bank,
    Call,
    Refusal,
    capture,
    grant,
    hold,
    maintain,
    merge,
    receipts,
    refund_spend,
    refusals,
    release,
    spend,
    spend_for,
)

SEED = 20261201
TOO_FEW = Refusal("PT402", "insufficient_tokens")
RESOLVED = Refusal("PT409", "hold_resolved")


def ending(user: UUID, amount: int, key: str, milliseconds: int) -> Call:
    """A grant that expires soon."""
    until = datetime.now(UTC) + timedelta(milliseconds=milliseconds)
    call = grant(user, amount, key)
    return replace(call, arguments=call.arguments | {"expires_at": until})


def test_a_fold_that_waited_for_another_reads_the_lots_anew(bank: Bank) -> None:
    user = bank.user()
    for key in ("one", "two"):
        bank.ask(grant(user, 10, key))
    bank.ask(spend(user, 5, "spend"))
    with bank.connect() as first, bank.connect() as second, ThreadPoolExecutor(1) as thread:
        with first.transaction():
            grant(user, 1, "three").inside(first)
            waiting = thread.submit(grant(user, 1, "four"), second)
            while not bank.rows("select from pg_locks where not granted"):
                assert not waiting.done()
        waiting.result()
    assert _left(bank, user) == [5, 10, 1, 1]
    assert not bank.audit()


def test_each_token_of_a_lot_that_ends_is_spent_or_expires(bank: Bank) -> None:
    user = bank.user()
    grants = [ending(user, 3, f"grant {n}", 150 + 100 * n) for n in range(10)]
    receipts([bank.ask(each) for each in grants])
    calls = [spend(user, 1, f"spend {n}") for n in range(25)]
    answers = bank.together([*calls, *[maintain()] * 3])
    assert set(refusals(answers)) <= {TOO_FEW}
    while bank.rows("select from token_lots where user_id = %s and remaining > 0", user):
        bank.ask(maintain())
    moved = Counter[str]()
    for kind, delta in bank.history(user):
        moved[kind] += delta
    assert moved["grant"] == 30
    assert moved["spend"] + moved["expiry"] == -30
    assert bank.wallet(user) == (0, 0)
    assert not bank.audit()


def test_whatever_happens_to_lots_that_end_meanwhile_adds_up(bank: Bank) -> None:
    random = Random(SEED)  # noqa: S311
    users = [bank.user(20) for _ in range(3)]
    tried: Counter[str] = Counter()
    for turn in range(6):
        calls: list[Call] = [maintain()]
        for user in users:
            bank.ask(grant(user, 10, f"more {turn}"))
            held = [bank.ask(hold(user, 2, f"hold {turn} {n}"))["id"] for n in range(2)]
            bank.ask(spend_for(user, 1, f"job {turn}"))
            calls += [
                *(
                    ending(user, random.randint(1, 9), f"e {turn} {n}", 1 + 40 * n)
                    for n in range(3)
                ),
                *(spend(user, random.randint(1, 4), f"spend {turn} {n}") for n in range(4)),
                grant(user, 2, f"grant {turn}"),
                refund_spend(user, f"back {turn}", f"job {turn}"),
                capture(held[0], random.randint(1, 4)),
                release(held[1]),
            ]
        random.shuffle(calls)
        answers = bank.together(calls)
        tried.update(
            call.rpc for call, answer in zip(calls, answers, strict=True) if answer != TOO_FEW
        )
        late = Refusal("PT400", "invalid_argument")  # its time had come before it was granted
        assert set(refusals(answers)) <= {TOO_FEW, RESOLVED, late}
        assert not bank.audit()
    assert tried["spend_tokens"] >= 30
    assert tried["capture_token_hold"] + tried["release_token_hold"] == 36


def test_wallets_merge_while_their_lots_end(bank: Bank) -> None:
    for turn in range(4):
        owner, guest = bank.user(), bank.user()
        for user in (owner, guest):
            bank.ask(grant(user, 10, "stays"))
            bank.ask(ending(user, 10, "ends", 60 + 20 * turn))
        calls = [spend_for(owner, 3, "a"), spend_for(guest, 3, "b"), maintain()]
        answers = bank.together([merge(guest, owner, f"merge {turn}"), *calls, *calls])
        assert set(refusals(answers)) <= {Refusal("PT409", "wallet_merged")}
        while bank.rows(
            "select from token_lots where user_id = %s and remaining > 0"
            " and expires_at < 'infinity'",
            owner,
        ):
            bank.ask(maintain())
        assert not bank.rows("select from token_lots where user_id = %s", guest)
        assert not bank.audit()


def _left(bank: Bank, user: UUID) -> list[int]:
    rows = bank.rows("select remaining from token_lots where user_id = %s order by id", user)
    return [row["remaining"] for row in rows]
