"""A refund sets its tokens aside, once, until a fresh read says what became of it."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from tests.database.people import (
    Bank,
    Call,
    Refusal,
    answer_refund,
    ask_refund,
    gateway_says,
    receipts,
    refusals,
    spend,
)

IN_PROGRESS = Refusal("PT409", "refund_in_progress")
SPENT = Refusal("PT409", "tokens_already_spent")
TOO_FEW = Refusal("PT402", "insufficient_tokens")


def test_refund_and_spend_at_once_never_give_both(bank: Bank) -> None:
    """10 tokens: the money goes back, or they are spent."""
    for _ in range(10):
        user, order_id = _bought(bank)
        answers = bank.together([ask_refund(order_id, "r"), spend(user, 1, "s")] * 5)
        refused = refusals(answers)
        assert refused in ({TOO_FEW: 5}, {SPENT: 5})
        assert bank.wallet(user) == ((10, 10) if refused == {TOO_FEW: 5} else (9, 0))
    assert not bank.audit()


def test_fifty_requests_with_one_key_are_one_refund(bank: Bank) -> None:
    user, order_id = _bought(bank)
    answers = receipts(bank.together([ask_refund(order_id, "same")] * 50))
    assert len({answer["id"] for answer in answers}) == 1
    assert bank.wallet(user) == (10, 10)
    assert not bank.audit()


def test_requests_with_many_keys_are_one_refund_at_a_time(bank: Bank) -> None:
    user, order_id = _bought(bank)
    calls = [ask_refund(order_id, f"key {n}", amount=500) for n in range(20)]
    assert refusals(bank.together(calls)) == {IN_PROGRESS: 19}
    assert bank.wallet(user) == (10, 1)
    assert not bank.audit()


def test_a_refund_is_claimed_by_one_of_many(bank: Bank) -> None:
    _, order_id = _bought(bank)
    refund = bank.ask(ask_refund(order_id, "r"))
    claim = Call("coinslot_claim_refunds", {"batch": 1, "refund_id": refund["id"]})
    jobs = bank.together([lambda connection: {"jobs": len(claim.all(connection))}] * 20)
    assert Counter(job["jobs"] for job in receipts(jobs)) == {0: 19, 1: 1}


def test_tokens_that_were_spent_are_refunded_only_by_force(bank: Bank) -> None:
    user, order_id = _bought(bank)
    bank.ask(spend(user, 1, "s"))
    assert bank.together([ask_refund(order_id, "r")]) == [SPENT]
    assert bank.wallet(user) == (9, 0)
    bank.ask(ask_refund(order_id, "r", force=True))
    assert bank.wallet(user) == (9, 10)
    assert not bank.audit()


def test_a_refund_that_was_declined_gives_the_tokens_back(bank: Bank) -> None:
    user, order_id = _bought(bank)
    refund = bank.ask(ask_refund(order_id, "r"))
    read_from = bank.ask(answer_refund(refund["id"], "declined"))["version"]
    bank.ask(gateway_says(order_id, read_from, paid=5000))
    assert _status(bank, refund["id"]) == "failed"
    assert bank.wallet(user) == (10, 0)
    assert not bank.audit()


def test_a_read_that_began_before_the_answer_does_not_end_the_refund(bank: Bank) -> None:
    """It saw nothing of a refund that the gateway may have made meanwhile."""
    user, order_id = _bought(bank)
    refund = bank.ask(ask_refund(order_id, "r"))
    read_from = bank.ask(Call("coinslot_open_payment", {"order_id": order_id}))["version"]
    bank.ask(answer_refund(refund["id"], "declined"))
    bank.ask(gateway_says(order_id, read_from, paid=5000))
    assert _status(bank, refund["id"]) == "requested"
    assert bank.wallet(user) == (10, 10)
    assert not bank.audit()


def test_a_read_of_another_gateway_does_not_end_the_refund(bank: Bank) -> None:
    """Though it calls its payment by the same key."""
    user, order_id = _bought(bank)
    refund = bank.ask(ask_refund(order_id, "r"))
    version = bank.ask(answer_refund(refund["id"], "declined"))["version"]
    read = gateway_says(order_id, version, paid=5000)
    bank.ask(Call(read.rpc, read.arguments | {"gateway": "toss"}))
    assert _status(bank, refund["id"]) == "requested"
    assert bank.wallet(user) == (10, 10)
    assert not bank.audit()


def test_a_refund_is_over_when_the_money_is_back_and_not_before(bank: Bank) -> None:
    user, order_id = _bought(bank)
    refund = bank.ask(ask_refund(order_id, "r"))
    version = bank.ask(answer_refund(refund["id"], "accepted"))["version"]
    bank.ask(gateway_says(order_id, version, paid=5000, refunding=5000))
    assert (_status(bank, refund["id"]), bank.wallet(user)) == ("pending", (10, 10))
    bank.ask(gateway_says(order_id, version + 1, paid=5000, refunded=5000))
    assert (_status(bank, refund["id"]), bank.wallet(user)) == ("succeeded", (0, 0))
    assert bank.history(user) == [("purchase", 10), ("refund", -10)]
    assert not bank.audit()


def _bought(bank: Bank) -> tuple[UUID, str]:
    """Somebody with 10 tokens, and the order that gave them."""
    user = bank.user()
    order_id = bank.order(user)
    bank.ask(gateway_says(order_id, 1, paid=5000))
    return user, order_id


def _status(bank: Bank, refund_id: UUID) -> str:
    [row] = bank.rows("select status from coinslot.refunds where id = %s", refund_id)
    return str(row["status"])
