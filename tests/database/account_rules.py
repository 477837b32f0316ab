"""Accounts in the state machine: confirmed, deleted, come back, signed up again and merged."""

from __future__ import annotations

from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.database.machine_base import ModelUser, Step
from tests.database.model_wallets import Refused
from tests.database.people import delete_user, merge
from tests.database.refund_rules import RefundRules

which = st.integers(0, 5)
_RESTORE = "update auth.users set deleted_at = null where id = %s"
_INSERT = "insert into auth.users (id, email) values (%s, %s)"


class AccountRules(RefundRules):
    @rule(n=which)
    def confirm_address(self, n: int) -> None:
        person = self._person(n)
        confirmation = "update auth.users set email_confirmed_at = now() where id = %s"
        self.bank.change(confirmation, person.id)
        if not person.is_gone:
            self._give_bonus(person)

    @precondition(lambda self: len(self.steps) > 20)
    @rule(n=which, softly=st.booleans())
    def delete(self, n: int, softly: bool) -> None:
        person = self._person(n)
        if softly:
            self.bank.change("update auth.users set deleted_at = now() where id = %s", person.id)
        else:
            delete_user(person.id)(self.world.connection)
            person.is_gone = True
        person.wallet.close()
        for order in self.orders:
            if order.wallet is person.wallet and order.can_be_canceled:
                order.cancel(person.wallet)

    @precondition(lambda self: self._free_addresses())
    @rule(n=which)
    def sign_up_again(self, n: int) -> None:
        free = self._free_addresses()
        self._sign_up(free[n % len(free)], confirmed=True)

    @rule(n=which)
    def come_back(self, n: int) -> None:
        """Restored, or made anew under the same id."""
        person = self._person(n)
        if person.is_gone and person.email in self._free_addresses():
            self.bank.change(_INSERT, person.id, person.email)
            person.is_gone = False
        elif not person.is_gone:
            self.bank.change(_RESTORE, person.id)
        if not person.is_gone:
            person.wallet.closed = person.wallet.owner is not None

    @precondition(lambda self: len(self.steps) > 15)
    @rule(n=which, into=which, key=st.sampled_from("abc"))
    def merge(self, n: int, into: int, key: str) -> None:
        one, other = self._person(n), self._person(into)
        call = merge(one.id, other.id, f"{self.first} {key}")
        self._do(Step(call, partial(self._merge_in_model, one, other, key)))

    def _merge_in_model(self, one: ModelUser, other: ModelUser, key: str) -> str:
        if one is other:
            raise Refused("invalid_argument")
        if key in self.merges:
            if self.merges[key] != (one, other):
                raise Refused("idempotency_key_reused")
            return "replayed"
        one.wallet.check_mergeable(other.wallet)
        if any(
            refund.is_open and refund.order.wallet in (one.wallet, other.wallet)
            for refund in self.gateways.refunds
        ):
            raise Refused("refund_in_progress")
        for order in [order for order in self.orders if order.wallet is one.wallet]:
            if self._order_under(other.wallet, order.key):
                order.key = None
            order.wallet = other.wallet
        one.wallet.merge_into(other.wallet)
        self.merges[key] = one, other
        return "done"
