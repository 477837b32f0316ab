"""The eager model: every token is a coin, drawn at its spend and expired at its instant.

No sum is kept. A balance is counted from the coins, and a debt is the number of coins that are
owed. It shares no rule with the model that folds late.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tests.lots.terms import (
    Copied,
    Hold,
    Lot,
    Offer,
    Parts,
    Rules,
    Spend,
    View,
    summed,
)

REMAINING, RESERVED, SPENT, TAKEN, EXPIRED, COVERED = range(6)


@dataclass(frozen=True)
class Refund:
    """An open one: its coins, and how many more it will take from wherever they are."""

    amount: int
    before: int
    reserved: tuple[int, ...]
    covered: tuple[int, ...]
    loose: int
    aside: tuple[int, ...]
    """Of those it has covered, those that no other money of the order is back for."""

    @property
    def held(self) -> int:
        return len(self.reserved) + self.loose

    @property
    def moves(self) -> bool:
        return self.held + len(self.covered) > 0


@dataclass(frozen=True)
class Order:
    user: str
    offer: Offer
    back: int = 0
    refunded: int = 0
    taken: tuple[int | None, ...] = ()
    """Coins that went back with money, in order; None is one that is owed."""
    refund: Refund | None = None


@dataclass
class Eager(Copied):
    rules: Rules = field(default_factory=Rules)
    lots: list[Lot] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    lot_of: list[int] = field(default_factory=list)
    places: bytearray = field(default_factory=bytearray)
    owed: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    spends: dict[str, Spend] = field(default_factory=dict)
    calls: int = 0

    # ---- what there is ----

    def coins(self, user: str, place: int, order: str | None = None) -> list[int]:
        """In the order of drawing, by the ends of their lots alone."""
        found = [
            coin
            for coin, at in enumerate(self.places)
            if at == place
            and self.owners[self.lot_of[coin]] == user
            and (order is None or self._lot(coin).order == order)
        ]
        return sorted(found, key=lambda coin: (self._lot(coin).place, coin))

    def line(self, user: str, now: int, order: str | None = None) -> list[int]:
        """Coins to draw: those that live, then those that are kept for holds."""
        coins = self.coins(user, REMAINING, order)
        return sorted(coins, key=lambda coin: self._lot(coin).expires_at <= now)

    def tokens(self, user: str) -> int:
        there = len(self.coins(user, REMAINING)) + len(self.coins(user, RESERVED))
        return there - self.owed.get(user, 0)

    def available(self, user: str, now: int) -> int:
        held = sum(h.amount for h in self._open_holds(user, now))
        refunds = [o.refund for o in self.orders.values() if o.user == user and o.refund]
        return self.tokens(user) - held - sum(refund.held for refund in refunds)

    def view(self, user: str, now: int) -> View:
        twin = self.copied()
        twin.advance(user, now)
        return View(twin.tokens(user), twin.available(user, now), twin._parts(user))  # noqa: SLF001

    def _parts(self, user: str) -> dict[tuple[str, int], Parts]:
        counts = [[0] * 6 for _ in self.lots]
        for coin, place in enumerate(self.places):
            counts[self.lot_of[coin]][place] += 1
        return summed(
            [
                (lot, Parts(c[0], c[1], c[2], c[3], c[EXPIRED] + c[COVERED], c[COVERED]))
                for lot, owner, c in zip(self.lots, self.owners, counts, strict=True)
                if owner == user
            ]
        )

    def _lot(self, coin: int) -> Lot:
        return self.lots[self.lot_of[coin]]

    def _open_holds(self, user: str, now: int) -> list[Hold]:
        return [h for h in self.holds.values() if h.user == user and h.is_open(now)]

    # ---- time ----

    def advance(self, user: str, now: int) -> None:
        """Lives through every instant at which a lot or a hold ends; once more where the clock went
        back, since lots may have been made in between."""
        ends = {lot.expires_at for lot, o in zip(self.lots, self.owners, strict=True) if o == user}
        ends |= {hold.expires_at for hold in self.holds.values() if hold.user == user}
        seen = self.seen.get(user, -1)
        for end in sorted(end for end in ends if seen < end <= now):
            self._end(user, end)
        self.seen[user] = now

    def _end(self, user: str, now: int) -> None:
        """Expires coins of lots that have ended, but for those that a hold from before needs."""
        kept = 0
        for coin in self.coins(user, REMAINING):
            end = self._lot(coin).expires_at
            if end <= now:
                holds = self._open_holds(user, now)
                if kept < sum(hold.amount for hold in holds if hold.created_at < end):
                    kept += 1
                else:
                    self.places[coin] = EXPIRED

    # ---- moving coins ----

    def _put(self, coins: Iterable[int], place: int) -> None:
        for coin in coins:
            self.places[coin] = place

    def _take(self, user: str, now: int, number: int, place: int) -> list[int | None]:
        coins = self.line(user, now)[:number]
        self._put(coins, place)
        missing = number - len(coins)
        self.owed[user] = self.owed.get(user, 0) + missing
        return [*coins, *[None] * missing]

    def _repay(self, user: str, now: int) -> None:
        """Coins that came back pay what is owed."""
        coins = self.line(user, now)[: self.owed.get(user, 0)]
        self._put(coins, SPENT)
        self.owed[user] = self.owed.get(user, 0) - len(coins)

    def _mint(self, user: str, lot: Lot) -> int:
        """One more coin of the newest lot, if that is this one; else the first of a new one."""
        if not (self.lots and replace(self.lots[-1], number=0) == lot):
            self.lots.append(replace(lot, number=len(self.lots)))
            self.owners.append(user)
        self.lot_of.append(len(self.lots) - 1)
        self.places.append(REMAINING)
        return len(self.places) - 1

    def _bring_back(self, user: str, now: int, coin: int) -> None:
        """To its lot; to a new lot if that has ended meanwhile."""
        lot = self._lot(coin)
        if lot.expires_at > now:
            self.places[coin] = REMAINING
            return
        made = 0 if self.places[coin] == RESERVED else self.calls
        self.places[coin] = TAKEN
        end = now + self.rules.returned_lifetime
        name = f"{lot.name} again at {now}"
        self._mint(user, replace(lot, number=0, name=name, expires_at=end, made=made))
