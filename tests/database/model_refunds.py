"""The rules of refunds a second time, in plain Python: asked for, answered, ended by a read."""

from __future__ import annotations

from dataclasses import dataclass

from tests.database.model_payments import Attempt, Gateways, Order, Read
from tests.database.model_wallets import Refused


@dataclass(eq=False)
class Refund:
    attempt: Attempt
    key: str
    amount: int
    tokens: int
    before: int
    status: str = "requested"
    answer: str | None = None
    tries: int = 1
    claims: int = 0
    id: object = None
    """The name that the database has for it."""

    @property
    def order(self) -> Order:
        return self.attempt.order

    @property
    def is_open(self) -> bool:
        return self.status in ("requested", "pending")

    @property
    def has_vanished(self) -> bool:
        """Taken on by the gateway, and looked for in vain often enough."""
        return self.answer == "accepted" and self.claims > 8

    def judge(self, read: Read) -> None:
        """A total that has grown by what was asked for settles it, whoever caused that."""
        if not self.is_open:
            return
        target = self.before + self.amount
        if read.refunded >= target:
            self.status = "succeeded"
        elif read.refunded + read.refunding >= target:
            self.status = "pending"
        elif self.status == "pending" or self.answer == "declined" or self.has_vanished:
            self.status = "failed"
        elif self.answer in ("spent", "unknown"):
            self.tries += self.answer == "spent"
            self.answer = None
        if self.status in ("succeeded", "failed"):
            self._free()

    def is_undone_by(self, read: Read) -> bool:
        back = read.refunded + read.refunding
        return self.status == "succeeded" and back < self.before + self.amount

    def overlaps(self, other: Refund) -> bool:
        """Both would be the same money."""
        mine = range(self.before, self.before + self.amount)
        return mine.start < other.before + other.amount and other.before < mine.stop

    def close(self) -> str:
        """Somebody gives it up; what is over stays as it ended."""
        if self.is_open:
            self.status = "failed"
            self._free()
        return "done"

    def _free(self) -> None:
        wallet = self.order.wallet
        wallet.book.end_refund(wallet.user, self.order.name)

    def hear(self, answer: str, tries: int) -> str:
        """A read that began before the gateway's answer decides nothing any more."""
        self.order.version += 1
        if self.is_open and tries == self.tries and self.answer != "accepted":
            self.answer = answer
        return "done"


class GatewaysWithRefunds(Gateways):
    def __init__(self, offers: dict[str, tuple[int, int]] | None = None) -> None:
        super().__init__(offers)
        self.refunds: list[Refund] = []

    def is_read(self, attempt: Attempt) -> None:
        refunds = [refund for refund in self.refunds if refund.attempt is attempt]
        for refund in refunds:
            if refund.is_undone_by(attempt.read):
                refund.status = "failed"
        for refund in refunds:
            refund.judge(attempt.read)
        if not any(refund.is_open for refund in refunds):
            _revive(refunds, attempt.read.refunded)

    def refund(self, order: Order, amount: int | None, key: str, *, force: bool) -> str:
        earlier = self.refund_under(order, key)
        if earlier:
            if amount is not None and amount != earlier.amount:
                raise Refused("idempotency_key_reused")
            return "done"
        if any(refund.order is order and refund.is_open for refund in self.refunds):
            raise Refused("refund_in_progress")
        refund = self._quote(order, amount, key)
        if refund.tokens:
            wallet = order.wallet
            wallet.book.ask_back(wallet.user, order.name, refund.tokens, force=force)
        self.refunds.append(refund)
        return "done"

    def is_refund_done(self, order: Order) -> bool:
        return any(
            refund.attempt.read.refunded >= refund.before + refund.amount
            for refund in self.refunds
            if refund.order is order and refund.is_open
        )

    def refund_under(self, order: Order, key: str) -> Refund | None:
        return next((r for r in self.refunds if r.order is order and r.key == key), None)

    def _quote(self, order: Order, amount: int | None, key: str) -> Refund:
        """Of the attempt that counts, else of the latest one with money."""
        attempts = self.attempts_at(order)
        attempts.sort(key=lambda a: (a.credited, a.read.has_money))
        if attempts and attempts[-1].read.refunding > 0:
            raise Refused("refund_in_progress")
        if amount is not None and amount < 1:
            raise Refused("invalid_amount")
        if not attempts or not attempts[-1].read.has_money:
            raise Refused("not_refundable")
        attempt = attempts[-1]
        back = attempt.read.refunded + attempt.read.withdrawn
        left = attempt.read.paid - back
        wanted = left if amount is None else amount
        if wanted > left:
            raise Refused("not_refundable")
        tokens = order.share(attempt.read.paid, back + wanted) - order.share(
            attempt.read.paid, back
        )
        if not attempt.credited:
            tokens = 0
        return Refund(attempt, key, wanted, tokens, attempt.read.refunded)


def _revive(refunds: list[Refund], total: int) -> None:
    """Money that goes back after all is a failed refund's, the latest one's first, as far as no
    other accounts for it."""
    for refund in reversed(refunds):
        if refund.status != "failed":
            continue
        done = [each for each in refunds if each.status == "succeeded"]
        before = refund.before
        if any(refund.overlaps(each) for each in done):
            before = max(each.before + each.amount for each in done)
        if total >= before + refund.amount:
            refund.status, refund.before = "succeeded", before
