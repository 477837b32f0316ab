"""The rules of money a second time, in plain Python: what a read of a gateway does to an order."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.database.model_wallets import Refused, Wallet

MONEY = {"completed", "partially_refunded", "refunded", "disputed", "charged_back"}
MOVES = {
    "pending": {"awaiting_deposit", "failed", "canceled", "expired", "voided"},
    "awaiting_deposit": {"pending", "failed", "canceled", "expired", "voided"},
    "failed": {"awaiting_deposit", "canceled", "expired", "voided"},
    "canceled": {"awaiting_deposit", "failed", "voided"},
    "expired": {"awaiting_deposit", "canceled", "voided"},
    "voided": set(),
}
"""Between states without money. With money, on either side, everything may follow everything."""


@dataclass(frozen=True)
class Read:
    """A gateway's report of one attempt; totals in minor units."""

    gateway: str
    key: str
    state: str
    amount: int
    currency: str
    live: bool
    paid: int = 0
    refunded: int = 0
    refunding: int = 0
    disputed: int = 0
    withdrawn: int = 0
    account: str = ""
    """To pay into until "soon" or "late"; none for a bank's debit, which no date ends."""

    @property
    def has_money(self) -> bool:
        return self.paid > self.refunded + self.withdrawn


@dataclass
class Order:
    wallet: Wallet
    product: str
    gateway: str
    amount: int
    currency: str
    tokens: int
    key: str | None
    id: str = ""
    status: str = "pending"
    version: int = 1
    cancels: int = 0
    """Times that the buyer called it off: an account of before is not waited for."""
    overdue: bool = False
    is_past: bool = False
    """Its time, its grace and its last day for a deposit are over."""
    expired: bool = False
    voided: bool = False
    is_debited: bool = False
    paid: int = 0
    refunded: int = 0
    given: int = 0
    """Tokens that the wallet has because of this order, now, and those that expired before their
    money went back."""
    due: int = 0
    """Tokens that went back with its money."""
    ends: bool = False
    """Its tokens last a month."""
    counted: Attempt | None = None

    @property
    def is_open(self) -> bool:
        if self.status == "awaiting_deposit":
            return self.is_debited or not self.overdue
        return self.status == "pending" and not self.overdue

    @property
    def can_be_voided(self) -> bool:
        """Somebody may yet pay it at its price."""
        if self.status in ("pending", "awaiting_deposit", "failed"):
            return True
        return self.status in ("canceled", "expired") and not self.is_past

    @property
    def can_be_canceled(self) -> bool:
        waits = self.status == "awaiting_deposit" and not self.is_debited
        return self.status in ("pending", "failed") or waits

    def expire(self) -> None:
        if self.overdue and self.can_be_canceled:
            self.status, self.expired = "expired", True

    def cancel(self, wallet: Wallet) -> str:
        if wallet is not self.wallet:
            raise Refused("order_not_found")
        if self.status == "canceled":
            return "done"
        if not self.can_be_canceled:
            raise Refused("illegal_transition")
        self.cancels, self.status = self.cancels + 1, "canceled"
        return "done"

    def seen(self, counted: Attempt | None) -> Read | None:
        """The report of the attempt that counts. Money that went back once and is on its way again
        has not come back."""
        if counted is None or counted is not self.counted:
            return counted.read if counted else None
        read = counted.read
        gone = min(self.refunded, read.refunded + read.refunding, read.paid - read.withdrawn)
        return replace(read, refunded=max(read.refunded, gone)) if read.refunding else read

    def kept(self, read: Read | None) -> int:
        """The tokens that the buyer has for what the attempt that counts shows."""
        if read is None:
            return 0
        return self.tokens - self.share(read.paid, read.refunded + read.withdrawn)

    @property
    def name(self) -> str:
        """In the book of lots."""
        return f"order {id(self)}"

    def settle(self, kept: int, *, is_sold: bool, is_refund_done: bool) -> int:
        """By how many tokens the wallet moves."""
        book, user, before = self.wallet.book, self.wallet.user, self.given
        if is_sold and self.tokens and self.name not in book.orders:
            book.sell(user, self.name, self.tokens, ends=self.ends)
        if self.name in book.orders:
            due = self.tokens - kept
            book.settle(user, book.tick(), self.name, due - self.due, done=is_refund_done)
            self.due = due
            self.given = kept + book.covered(self.name)
        return self.given - before

    def share(self, paid: int, back: int) -> int:
        """The tokens that go back with so much money, rounded down in the buyer's favour."""
        return self.tokens * min(back, paid) // paid


@dataclass(eq=False)
class Attempt:
    order: Order
    read: Read
    problem: bool
    turn: int
    cancels: int
    """Of its order, when it began."""
    credited: bool = False
    late: bool = False

    @property
    def is_waited_for(self) -> bool:
        called_off = self.read.account and self.order.cancels > self.cancels
        waits = self.read.state == "awaiting_deposit" and self.read.paid == 0
        return waits and not self.problem and not called_off


class Gateways:
    """The funnel: every attempt that was ever read, and what it does to its order."""

    def __init__(self, offers: dict[str, tuple[int, int]] | None = None) -> None:
        """`offers`: won and tokens of each product, as they are now."""
        self.offers = offers or {}
        self.attempts: dict[tuple[str, str], Attempt] = {}
        self._turns = 0

    def apply(self, order: Order, read: Read, version: int) -> str:
        known = self.attempts.get((read.gateway, read.key))
        if known and known.order is not order:
            order.version += 1
            return "refused"
        if known and known.read == read:
            if order.version == version:
                self.is_read(known)
            order.version += 1
            return "unchanged"
        if order.version != version:
            return "stale"
        credited = known is not None and known.credited
        wrong = self._is_wrong(order, read)
        late = not wrong and read.paid > 0 and not credited and self._is_late(order, known)
        problem = wrong or late or (read.paid > 0 and not credited and order.wallet.closed)
        if credited and problem:
            order.version += 1
            return "refused"
        self._turns += 1
        if known is None:
            known = Attempt(order, read, problem, self._turns, order.cancels)
            self.attempts[read.gateway, read.key] = known
        known.read, known.problem, known.turn = read, problem, self._turns
        known.late = late
        outcome = self._settle(order, known)
        self.is_read(known)
        return outcome

    def is_read(self, attempt: Attempt) -> None:
        """Something fresh is known of an attempt, be it that nothing has changed."""

    def is_refund_done(self, order: Order) -> bool:  # noqa: ARG002 - here there are no refunds
        """True if the open refund's money has gone back."""
        return False

    def attempts_at(self, order: Order) -> list[Attempt]:
        return [attempt for attempt in self.attempts.values() if attempt.order is order]

    def _is_late(self, order: Order, known: Attempt | None) -> bool:
        """Once is for good; else the order's price counts when its time and its grace are over."""
        if order.voided or (known is not None and known.late):
            return True
        return order.is_past and self.offers.get(order.product) != (order.amount, order.tokens)

    @staticmethod
    def _is_wrong(order: Order, read: Read) -> bool:
        ordered = (order.gateway, order.currency, False, order.amount)
        shown = (read.gateway, read.currency, read.live, read.amount)
        return ordered != shown or read.paid not in (0, order.amount)

    def _settle(self, order: Order, attempt: Attempt) -> str:
        """The attempt that counts is the one that counted, or the first good one with money."""
        mine = self.attempts_at(order)
        good = [a for a in mine if a.read.paid > 0 and (a.credited or not a.problem)]
        good.sort(key=lambda a: (not a.credited, not a.read.has_money))
        counted = good[0] if good else None
        read = order.seen(counted)
        latest = self._waits(mine)
        waits_on = latest and latest.read.account == "late" and not order.is_past
        overdue = order.overdue and not waits_on
        is_debited = bool(latest and not latest.read.account)
        expired = order.expired and overdue and not is_debited
        status = self._status(order, mine, read, expired=expired)
        if not _may_follow(order.status, status):
            order.version += 1
            return "refused"
        moved = order.settle(
            order.kept(read),
            is_sold=counted is not None,
            is_refund_done=self.is_refund_done(order),
        )
        outcome = self._outcome(order, attempt, counted, moved, status)
        order.status, order.version = status, order.version + 1
        order.overdue, order.expired, order.is_debited = overdue, expired, is_debited
        order.paid = read.paid if read else 0
        order.refunded = read.refunded if read else 0
        order.counted = counted
        for each in mine:
            each.credited = each is counted
        return outcome

    @staticmethod
    def _waits(mine: list[Attempt]) -> Attempt | None:
        waiting = [a for a in mine if a.is_waited_for]
        return max(waiting, key=lambda a: a.turn, default=None)

    def _status(
        self, order: Order, mine: list[Attempt], read: Read | None, *, expired: bool
    ) -> str:
        states = {a.read.state for a in mine}
        if read:
            return _paid_status(read)
        if any(a.problem and not a.credited and a.read.has_money for a in mine):
            return "review"
        if order.voided or expired:
            return "voided" if order.voided else "expired"
        if self._waits(mine):
            return "awaiting_deposit"
        canceled = order.cancels > 0 or "canceled" in states
        unpaid = "failed" if "failed" in states else "pending"
        return "canceled" if canceled else unpaid

    @staticmethod
    def _outcome(
        order: Order, attempt: Attempt, counted: Attempt | None, moved: int, status: str
    ) -> str:
        if attempt.read.paid > 0 and attempt.problem:
            return "review"
        if attempt.read.paid > 0 and attempt is not counted:
            return "duplicate"
        if order.paid == 0 and counted:
            return "credited"
        if moved:
            return "reversed" if moved < 0 else "restored"
        switched = order.counted is not counted and order.counted and counted
        return "moved" if status != order.status or switched else "unchanged"


def _may_follow(before: str, after: str) -> bool:
    if before == after or {before, after} & (MONEY | {"review"}):
        return True
    return after in MOVES[before]


def _paid_status(read: Read) -> str:
    if read.refunded >= read.paid:
        return "refunded"
    if read.disputed > 0:
        return "disputed"
    if read.withdrawn > 0 and not read.has_money:
        return "charged_back"
    return "partially_refunded" if read.refunded + read.withdrawn > 0 else "completed"
