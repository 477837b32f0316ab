"""Refunds in the state machine: asked for by whoever, answered and read in any order."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from psycopg.rows import DictRow

from tests.database.machine_base import MachineBase, Step
from tests.database.model_payments import Order
from tests.database.model_refunds import Refund
from tests.database.model_wallets import Refused
from tests.database.people import Call

_REFUNDS = """
select r.id, r.status, r.answer, r.tries, r.amount, r.tokens, r.refunded_before
from coinslot.refunds r where r.user_id >= %s and r.user_id < %s
"""
_DUE = "update coinslot.refunds set next_attempt_at = clock_timestamp() where id = %s"

which = st.integers(0, 5)
amounts = st.none() | st.sampled_from([0, 1, 499, 500, 2500, 5000])
callers = st.sampled_from(["service", "finance", "owner", "support", "buyer"])
answers = st.sampled_from(["accepted", "declined", "spent", "unknown"])


class RefundRules(MachineBase):
    @rule(n=which, amount=amounts, key=st.sampled_from("ab"), force=st.booleans(), by=callers)
    def ask_for_refund(self, n: int, amount: int | None, key: str, force: bool, by: str) -> None:
        orders = self._paid_orders() or self.orders
        order = orders[-1 - n % len(orders)]
        arguments = {"order_id": order.id, "amount": amount, "reason": "asked", "force": force}
        arguments["idempotency_key"] = key
        asked = partial(self.gateways.refund, order, amount, key, force=force)
        if by == "service":
            call = Call("request_token_refund_for", arguments)
        else:
            person = self.world.operators.get(by) or self._buyer(order)
            call = Call("request_token_refund", arguments, person)
        modelled = _forbidden if by in {"support", "buyer"} else asked
        self._do(Step(call, modelled, partial(self._is_same_refund, order, key)))

    @precondition(lambda self: self.gateways.refunds)
    @rule(n=which, answer=answers, too_late=st.sampled_from([0, 0, 0, 1]))
    def gateway_answers(self, n: int, answer: str, too_late: int) -> None:
        """The present try, or the one before it."""
        refund = self._refund(n)
        tries = refund.tries - too_late
        arguments = {"refund_id": refund.id, "tries": tries, "answer": answer}
        call = Call("coinslot_record_refund_answer", arguments)
        self._do(Step(call, partial(refund.hear, answer, tries)))

    @precondition(lambda self: self.gateways.refunds)
    @rule(
        n=which,
        seen=st.sampled_from(["done", "under way", "made again", "nothing"]),
        slowly=st.booleans(),
    )
    def refund_is_read(self, n: int, seen: str, slowly: bool) -> None:
        refund = self._refund(n)
        read = refund.attempt.read
        match seen:
            case "done":
                total = min(refund.before + refund.amount, read.paid)
                read = replace(read, refunded=total, refunding=0)
            case "under way":
                read = replace(read, refunding=refund.amount)
            case "made again":
                read = replace(read, refunded=refund.before, refunding=refund.amount)
            case _:
                read = replace(read, refunding=0)
        begun = self._begun(refund.order, read)
        if slowly:
            self.looks.append(begun)
        else:
            self._do(begun)

    @precondition(lambda self: self.gateways.refunds)
    @rule(n=which)
    def give_refund_up(self, n: int) -> None:
        refund = self._refund(n)
        call = Call("coinslot_close_refund", {"refund_id": refund.id, "reason": "lost"})
        self._do(Step(call, refund.close))

    @precondition(lambda self: self.gateways.refunds)
    @rule(n=which)
    def claim_refund(self, n: int) -> None:
        """The first to claim it is to ask, or to read; nobody else is while it is leased."""
        refund = self._refund(n)
        if refund.is_open:
            self.bank.change(_DUE, refund.id)
            refund.claims += 1
        claim = Call("coinslot_claim_refunds", {"batch": 1, "refund_id": refund.id})
        jobs = [claim.all(self.world.connection) for _ in range(2)]
        todo = "read" if refund.answer or refund.status == "pending" else "ask"
        expected = [(todo, refund.tries)] if refund.is_open else []
        assert [[(job["todo"], job["tries"]) for job in each] for each in jobs] == [expected, []]

    def _refunds_agree(self) -> None:
        rows = self.bank.rows(_REFUNDS, self.first, self.beyond)
        found = {row.pop("id"): tuple(row.values()) for row in rows}
        assert found == {
            r.id: (r.status, r.answer, r.tries, r.amount, r.tokens, r.before)
            for r in self.gateways.refunds
        }

    def _refund(self, n: int) -> Refund:
        return self.gateways.refunds[-1 - n % len(self.gateways.refunds)]

    def _buyer(self, order: Order) -> UUID:
        return next(person.id for person in self.people if person.wallet is order.wallet)

    def _is_same_refund(self, order: Order, key: str, answer: DictRow) -> None:
        """The refund of the earlier call, or the one that has just been asked for."""
        refund = self.gateways.refund_under(order, key)
        assert refund
        refund.id = refund.id or answer["id"]
        assert answer["id"] == refund.id


def _forbidden() -> str:
    raise Refused("forbidden")
