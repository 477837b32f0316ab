"""The lots of all wallets of an example, for the state machine: its clock ticks with every look.

The rules of lots are those of the model that folds late, which is proved by another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.database.model_wallets import Refused
from tests.lots import terms
from tests.lots.late_refunds import LateRefunds
from tests.lots.terms import NEVER, Offer, Parts

MONTH = 30 * 24 * 60
"""Minutes that the tokens of a product last which do not last for ever."""

FAR = NEVER >> 1
"""The end of a grant that has one: it is later than all that is counted from now."""


@dataclass
class Book(LateRefunds):
    ticks: int = 0
    names: int = 0

    def tick(self) -> int:
        self.ticks += 1
        return self.ticks

    def new_name(self) -> str:
        self.names += 1
        return str(self.names)

    def folded(self, user: str) -> tuple[int, int]:
        """Tokens, and how many of them are available."""
        self.fold(user, self.tick())
        wallet = self.wallet(user)
        return wallet.tokens, wallet.tokens - wallet.held

    def parts(self, user: str) -> list[Parts]:
        rows = sorted(self.own(user), key=lambda row: row.lot.number)
        return [row.parts for row in rows]

    def end_hold(self, name: str) -> None:
        self.holds[name] = replace(self.holds[name], expires_at=self.tick())

    def end_lot(self, number: int) -> None:
        row, now = self.rows[number], self.tick()
        self.put(replace(row, lot=replace(row.lot, expires_at=now)))
        wallet = self.wallet(row.user)
        self.wallets[row.user] = replace(wallet, next_change_at=min(now, wallet.next_change_at))

    def give_tokens(self, user: str, amount: int, end: int = NEVER) -> None:
        self.grant(user, self.tick(), self.new_name(), amount, expires_at=end)

    def sell(self, user: str, order: str, tokens: int, *, ends: bool) -> None:
        now = self.tick()
        end = now + MONTH if ends else NEVER
        self.buy(user, now, order, Offer(1, tokens, expires_at=end))

    def ask_back(self, user: str, order: str, tokens: int, *, force: bool) -> None:
        try:
            self.set_aside(user, self.tick(), order, tokens, force=force)
        except terms.Refused as refused:
            raise Refused(refused.answer[0]) from None

    def end_refund(self, user: str, order: str) -> None:
        """One that failed: of one that is done the tokens have gone with the money."""
        if order in self.orders and self.orders[order].refund:
            self.decline(user, self.tick(), order)

    def covered(self, order: str) -> int:
        """Tokens that had expired when their money went back."""
        takings = self.orders[order].takings
        return sum(number for place, _, number in takings if place == "covered")
