"""The late model: sums and columns, as the database keeps them. Lots are folded when it matters.

Spends lower `tokens` and touch no lot; what was spent since the last fold is drawn by the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.lots.terms import (
    NEVER,
    Copied,
    Hold,
    Lot,
    Offer,
    Parts,
    Refused,
    Rules,
    Spend,
    View,
    summed,
)

ALWAYS = -1
"""The next change of a wallet that every call has to fold."""


@dataclass(frozen=True)
class Wallet:
    tokens: int = 0
    held: int = 0
    next_change_at: int = NEVER
    folded_at: int = 0
    line: int = 0
    """Tokens that were ever drawn for spends."""


@dataclass(frozen=True)
class Row:
    """A lot with its columns."""

    user: str
    lot: Lot
    parts: Parts

    def moved(self, **changes: int) -> Row:
        """With so many more or fewer in each column."""
        sums = {name: getattr(self.parts, name) + more for name, more in changes.items()}
        return replace(self, parts=self.parts._replace(**sums))


@dataclass(frozen=True)
class Draw:
    """Tokens that left a lot; a spend's stand at a place of the wallet's line of all ever spent."""

    lot: str
    user: str
    cause: str
    tokens: int
    start: int = 0


@dataclass(frozen=True)
class Refund:
    amount: int
    before: int
    reserved: tuple[tuple[int, int], ...]
    covered: tuple[tuple[int, int], ...]
    loose: int

    @property
    def held(self) -> int:
        return self.loose + sum(number for _, number in self.reserved)

    @property
    def moves(self) -> bool:
        return bool(self.held or self.covered)


@dataclass(frozen=True)
class Order:
    user: str
    offer: Offer
    back: int = 0
    refunded: int = 0
    takings: tuple[tuple[str, int, int], ...] = ()
    """Source (lot, covered, debt), number of the lot, tokens; in order."""
    refund: Refund | None = None


@dataclass
class Late(Copied):
    rules: Rules = field(default_factory=Rules)
    wallets: dict[str, Wallet] = field(default_factory=dict)
    rows: dict[int, Row] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    spends: dict[str, Spend] = field(default_factory=dict)
    draws: list[Draw] = field(default_factory=list)
    calls: int = 0

    # ---- what there is ----

    def wallet(self, user: str) -> Wallet:
        return self.wallets.get(user, Wallet())

    def now(self, user: str, clock: int) -> int:
        """The one reading of a call: a clock that goes back brings nothing back."""
        return max(clock, self.wallet(user).folded_at)

    def own(self, user: str) -> list[Row]:
        rows = [row for row in self.rows.values() if row.user == user]
        return sorted(rows, key=lambda row: row.lot.place)

    def reserved(self, user: str) -> int:
        return sum(row.parts.reserved for row in self.own(user))

    def base(self, user: str) -> int:
        return max(self.wallet(user).tokens - self.reserved(user), 0)

    def debt(self, user: str) -> int:
        return max(self.reserved(user) - self.wallet(user).tokens, 0)

    def remaining(self, user: str) -> int:
        return sum(row.parts.remaining for row in self.own(user))

    def need(self, user: str, lot: Lot, now: int) -> int:
        """Of what an ended lot has left, how much holds from before its end may still use."""
        return sum(
            hold.amount
            for hold in self.holds.values()
            if hold.user == user and hold.is_open(now) and hold.created_at < lot.expires_at
        )

    def drawable(self, user: str, now: int) -> list[Row]:
        """Lots that live, then those that are kept."""
        rows = [row for row in self.own(user) if row.parts.remaining]
        return sorted(rows, key=lambda row: row.lot.expires_at <= now)

    def view(self, user: str, now: int) -> View:
        twin = self.copied()
        twin.fold(user, now)
        wallet = twin.wallet(user)
        parts = summed([(row.lot, row.parts) for row in twin.own(user)])
        return View(wallet.tokens, wallet.tokens - wallet.held, parts)

    # ---- the fold ----

    def fold(self, user: str, now: int) -> None:
        self.sweep(user, now)
        spent = self.remaining(user) - self.base(user)
        self.draw(self.drawable(user, self.wallet(user).folded_at), spent, "spend")
        self.expire(user, now)
        self._change(user, folded_at=now)
        self._set_next_change(user, now)

    def over(self, user: str, now: int) -> int:
        """Tokens of holds whose time has passed, and that nobody has swept."""
        return sum(
            hold.amount
            for hold in self.holds.values()
            if hold.user == user and hold.status == "held" and not hold.is_open(now)
        )

    def sweep(self, user: str, now: int) -> None:
        for name, hold in self.holds.items():
            if hold.user == user and hold.status == "held" and not hold.is_open(now):
                self.holds[name] = replace(hold, status="expired")
                self.add(user, held=-hold.amount)

    def draw(self, rows: Sequence[Row], number: int, cause: str) -> list[Draw]:
        """As many of so many tokens as the rows have, in their order."""
        drawn = []
        for row in rows:
            part = min(number, row.parts.remaining)
            if part > 0:
                number -= part
                column = "spent" if cause == "spend" else cause
                self.put(row.moved(remaining=-part, **{column: part}))
                drawn.append(self._drawn(row, part, cause))
        return drawn

    def _drawn(self, row: Row, part: int, cause: str) -> Draw:
        line = self.wallet(row.user).line
        draw = Draw(row.lot.name, row.user, cause, part, line)
        self.draws.append(draw)
        if cause == "spend":
            self._change(row.user, line=line + part)
        return draw

    def expire(self, user: str, now: int) -> None:
        """An ended lot keeps what its holds need and no ended lot before it keeps."""
        kept = expired = 0
        for row in self.own(user):
            if row.lot.expires_at <= now and row.parts.remaining:
                keep = self.keep(user, row, kept, now)
                gone = row.parts.remaining - keep
                kept += keep
                expired += gone
                self.draw([row], gone, "expired")
        self.add(user, tokens=-expired)

    def keep(self, user: str, row: Row, kept: int, now: int) -> int:
        return max(0, min(row.parts.remaining, self.need(user, row.lot, now) - kept))

    def _set_next_change(self, user: str, now: int) -> None:
        ends = [row.lot.expires_at for row in self.own(user) if row.parts.remaining]
        soonest = min(ends, default=NEVER)
        self._change(user, next_change_at=ALWAYS if soonest <= now else soonest)

    # ---- writing ----

    def put(self, row: Row) -> None:
        self.rows[row.lot.number] = row

    def add(self, user: str, *, tokens: int = 0, held: int = 0) -> None:
        wallet = self.wallet(user)
        self._change(user, tokens=wallet.tokens + tokens, held=wallet.held + held)

    def _change(self, user: str, **changes: int) -> None:
        self.wallets[user] = replace(self.wallet(user), **changes)

    def new_lot(self, user: str, lot: Lot, tokens: int, remaining: int) -> None:
        """Makes a lot. The tokens that do not remain have paid a debt."""
        number = len(self.rows) + 1
        lot = replace(lot, number=number)
        self.put(Row(user, lot, Parts(remaining=remaining, spent=tokens - remaining)))
        soonest = min(self.wallet(user).next_change_at, lot.expires_at)
        self._change(user, next_change_at=soonest)

    def bring_back(self, row: Row, number: int, column: str, now: int) -> None:
        """To its lot; to a new lot if that has ended meanwhile. What was reserved was there before
        any call."""
        row = self.rows[row.lot.number]
        if row.lot.expires_at > now:
            self.put(row.moved(remaining=number, **{column: -number}))
            return
        if column != "taken":
            self.put(row.moved(taken=number, **{column: -number}))
        end = now + self.rules.returned_lifetime
        name = f"{row.lot.name} again at {now}"
        made = 0 if column == "reserved" else self.calls
        lot = replace(row.lot, name=name, expires_at=end, made=made)
        self.new_lot(row.user, lot, number, number)


__all__ = ["NEVER", "Draw", "Late", "Order", "Refund", "Refused", "Row", "Spend", "Wallet"]
