"""The calls of the eager model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.lots.eager import (
    COVERED,
    EXPIRED,
    REMAINING,
    RESERVED,
    SPENT,
    TAKEN,
    Eager,
    Order,
    Refund,
)
from tests.lots.terms import NEVER, Hold, Lot, Offer, Refused, Spend


class EagerCalls(Eager):
    """Each call is told the one `now` of its wallet."""

    def begin(self, user: str, now: int) -> None:
        self.calls += 1
        self.advance(user, now)

    def begin_if(self, is_moved: bool, user: str, now: int) -> None:
        """A call by which no token moves lets no time pass."""
        if is_moved:
            self.begin(user, now)
        else:
            self.calls += 1

    def report(self, user: str, now: int) -> None:
        """Nothing is due that has not been done."""

    # ---- credits and spends ----

    def grant(
        self,
        user: str,
        now: int,
        name: str,
        amount: int,
        *,
        expires_at: int = NEVER,
        priority: int = 0,
    ) -> None:
        self.begin(user, now)
        if expires_at <= now:
            raise Refused("invalid_argument")
        self._credit(user, amount, Lot(0, name, expires_at, priority, made=self.calls))

    def buy(self, user: str, now: int, name: str, offer: Offer) -> None:
        self.begin(user, now)
        self.orders[name] = Order(user, offer)
        pack = Lot(0, name, offer.expires_at, paid=True, order=name, made=self.calls)
        bonus = replace(pack, name=f"{name} bonus", expires_at=offer.bonus_expires_at, paid=False)
        self._credit(user, offer.tokens, pack)
        self._credit(user, offer.bonus, bonus)

    def _credit(self, user: str, amount: int, lot: Lot) -> None:
        for _ in range(amount):
            coin = self._mint(user, lot)
            if self.owed.get(user, 0):
                self.owed[user] -= 1
                self.places[coin] = SPENT

    def spend(self, user: str, now: int, name: str, amount: int) -> None:
        self.begin(user, now)
        if self.available(user, now) < amount:
            raise Refused("insufficient_tokens")
        self._take(user, now, amount, SPENT)
        self.spends[name] = Spend(user, self.calls, amount)

    def give_back(self, user: str, now: int, spend: str, amount: int) -> None:
        self.begin(user, now)
        spent = self.spends[spend]
        if amount > spent.left:
            raise Refused("spend_refunded")
        self.spends[spend] = replace(spent, left=spent.left - amount)
        before = spent.call if spent.user == user else 1
        owed = min(self.owed.get(user, 0), amount)
        self.owed[user] = self.owed.get(user, 0) - owed
        own = [coin for coin in self.coins(user, SPENT) if self._lot(coin).made < before]
        living = [coin for coin in reversed(own) if self._lot(coin).expires_at > now]
        ended = [now + self.rules.returned_lifetime] * (len(own) - len(living))
        rest = amount - owed - len(living)
        self._put(living[: amount - owed], REMAINING)
        for end in [*ended, *[NEVER] * max(0, rest)][: max(0, rest)]:
            self._mint(user, Lot(0, f"given back at {now}", end, made=self.calls))
        self._end(user, now)

    # ---- holds ----

    def hold(self, user: str, now: int, name: str, amount: int, lasts: int) -> None:
        self.begin(user, now)
        if self.available(user, now) < amount:
            raise Refused("insufficient_tokens")
        self.holds[name] = Hold(user, amount, now, now + lasts)

    def _open(self, user: str, now: int, name: str) -> Hold:
        self.begin(user, now)
        if not self.holds[name].is_open(now):
            raise Refused("hold_resolved")
        return self.holds[name]

    def extend(self, user: str, now: int, name: str, lasts: int) -> None:  # noqa: ARG002 - the hold's
        """Moves no token."""
        self.calls += 1
        hold = self.holds[name]
        if not hold.is_open(now):
            raise Refused("hold_resolved")
        self.holds[name] = replace(hold, expires_at=max(hold.expires_at, now + lasts))

    def release(self, user: str, now: int, name: str) -> None:
        self.holds[name] = replace(self._open(user, now, name), status="released")
        self._end(user, now)

    def capture(self, user: str, now: int, name: str, asked: int, *, overage: bool) -> None:
        hold = self._open(user, now, name)
        if asked > hold.amount and not overage:
            raise Refused("invalid_amount")
        self.holds[name] = replace(hold, status="captured")
        free = NEVER if self.rules.overage_into_debt else self.available(user, now) - hold.amount
        taken = min(asked, hold.amount) + min(max(0, asked - hold.amount), max(0, free))
        ended = [
            coin
            for coin in self.coins(user, REMAINING)
            if hold.created_at < self._lot(coin).expires_at <= now
        ][:taken]
        self._put(ended, SPENT)
        self._take(user, now, taken - len(ended), SPENT)
        self.spends[name] = Spend(user, self.calls, taken)
        self._end(user, now)

    # ---- money going back ----

    def request(self, user: str, now: int, order: str, amount: int | None, *, force: bool) -> None:
        known = self.orders[order]
        left = known.offer.price - known.back
        asked = left if amount is None else amount
        if known.refund:
            raise Refused("refund_in_progress")
        if not 0 < asked <= left:
            raise Refused("not_refundable")
        number = known.offer.due(known.back + asked) - known.offer.due(known.back)
        self.begin_if(number > 0, user, now)
        if number and not force and not self._fits(known, order, now, asked):
            sums = [m for m in range(left + 1) if self._fits(known, order, now, m)]
            raise Refused("tokens_already_spent", max(sums))
        reserved = self.line(user, now, order)[:number]
        covered = self.coins(user, EXPIRED, order)[: number - len(reserved)]
        self._put(reserved, RESERVED)
        self._put(covered, COVERED)
        loose = number - len(reserved) - len(covered)
        refund = Refund(
            asked, known.refunded, tuple(reserved), tuple(covered), loose, tuple(covered)
        )
        self._note(order, covered)
        self.orders[order] = replace(self.orders[order], refund=refund)

    def _fits(self, known: Order, name: str, now: int, amount: int) -> bool:
        number = known.offer.due(known.back + amount) - known.offer.due(known.back)
        there = len(self.line(known.user, now, name))
        gone = len(self.coins(known.user, EXPIRED, name))
        part = min(there, number)
        return number <= there + gone and (part == 0 or part <= self.available(known.user, now))

    def decline(self, user: str, now: int, order: str) -> None:
        """The gateway said no."""
        refund = self.orders[order].refund
        if refund is None:
            raise Refused("refund_finished")
        self.begin_if(refund.moves, user, now)
        known = self.orders[order]
        taken = tuple(coin for coin in known.taken if coin not in refund.aside)
        self.orders[order] = replace(known, taken=taken)
        self._put(refund.aside, EXPIRED)
        self._end_refund(user, now, order, refund.reserved)

    def _end_refund(self, user: str, now: int, order: str, reserved: Sequence[int]) -> None:
        """Ends a refund, of which these coins are still reserved."""
        refund = self.orders[order].refund
        self.orders[order] = replace(self.orders[order], refund=None)
        if refund and refund.moves:
            for coin in reserved:
                self._bring_back(user, now, coin)
            self._repay(user, now)
            self._end(user, now)

    def gateway(self, user: str, now: int, order: str, refunded: int, disputed: int) -> None:
        """The gateway's totals of what went back."""
        known = self.orders[order]
        due = known.offer.due(refunded + disputed) - known.offer.due(known.back)
        done = known.refund and refunded >= known.refund.before + known.refund.amount
        ends = bool(done and known.refund and known.refund.moves)
        self.begin_if(bool(due or ends), user, now)
        self.orders[order] = replace(known, back=refunded + disputed, refunded=refunded)
        reserved = self._reserved(order, now)
        if done and known.refund:
            due -= len(known.refund.aside)
            taken, reserved = reserved[: max(0, due)], reserved[max(0, due) :]
            self._put(taken, TAKEN)
            self._note(order, taken)
            due -= len(taken)
        if due > 0:
            self._claw_back(user, now, order, due, is_open=bool(known.refund and not done))
        elif due < 0:
            self._return(user, now, order, -due, set() if done else self._aside(order))
        if done:
            self._end_refund(user, now, order, reserved)
        if due or ends:
            self._end(user, now)

    def _aside(self, order: str) -> set[int]:
        refund = self.orders[order].refund
        return set(refund.aside) if refund else set()

    def _reserved(self, order: str, now: int) -> tuple[int, ...]:
        """Coins that a refund has reserved: of lots that live, then of others."""
        refund = self.orders[order].refund
        coins = sorted(refund.reserved if refund else (), key=lambda c: (self._lot(c).place, c))
        return tuple(sorted(coins, key=lambda c: self._lot(c).expires_at <= now))

    def _claw_back(self, user: str, now: int, order: str, due: int, *, is_open: bool) -> None:
        own = self.line(user, now, order)[:due]
        gone = self.coins(user, EXPIRED, order)[: due - len(own)]
        self._put(own, TAKEN)
        self._put(gone, COVERED)
        over = self._take_over(order, now, due - len(own) - len(gone)) if is_open else []
        rest = self._take(user, now, due - len(own) - len(gone) - len(over), TAKEN)
        self._note(order, [*own, *gone, *over, *rest])

    def _take_over(self, order: str, now: int, number: int) -> list[int]:
        """Coins that an open refund has covered, then reserved, for other money of the order."""
        known = self.orders[order]
        assert known.refund
        covered = [coin for coin in known.taken if coin in known.refund.aside][:number]
        reserved = self._reserved(order, now)[: number - len(covered)]
        aside = tuple(coin for coin in known.refund.aside if coin not in covered)
        left = tuple(coin for coin in known.refund.reserved if coin not in reserved)
        self._put(reserved, TAKEN)
        refund = replace(known.refund, aside=aside, reserved=left)
        refund = replace(refund, loose=refund.loose + len(reserved))
        taken = tuple(coin for coin in known.taken if coin not in covered)
        self.orders[order] = replace(known, taken=taken, refund=refund)
        return [*covered, *reserved]

    def _note(self, order: str, coins: Sequence[int | None]) -> None:
        known = self.orders[order]
        self.orders[order] = replace(known, taken=(*known.taken, *coins))

    def _return(self, user: str, now: int, order: str, number: int, aside: set[int]) -> None:
        """Latest first, each to where it came from, but for what an open refund has set aside."""
        known = self.orders[order]
        own = [place for place, coin in enumerate(known.taken) if coin not in aside]
        back = own[len(own) - number :]
        kept = tuple(coin for place, coin in enumerate(known.taken) if place not in back)
        self.orders[order] = replace(known, taken=kept)
        for place in reversed(back):
            coin = known.taken[place]
            if coin is None:
                self._forgive(user, now)
            elif self.places[coin] == COVERED:
                self.places[coin] = EXPIRED
            else:
                self._bring_back(user, now, coin)
                self._repay(user, now)

    def _forgive(self, user: str, now: int) -> None:
        """One that is owed no more; made good already, it comes back as a token of its own."""
        if self.owed.get(user, 0):
            self.owed[user] -= 1
        else:
            self._mint(user, Lot(0, f"reversal at {now}", NEVER, made=self.calls))

    # ---- merges ----

    def merge(self, gone: str, now: int, into: str) -> None:
        self.begin(gone, now)
        self.advance(into, now)
        if any(o.refund for o in self.orders.values() if o.user in (gone, into)):
            raise Refused("refund_in_progress")
        owed = self.owed.pop(gone, 0)
        self._take(into, now, owed, TAKEN)
        for number, owner in enumerate(self.owners):
            if owner == gone:
                self.owners[number] = into
                self.lots[number] = replace(self.lots[number], made=0)
        for name, hold in self.holds.items():
            if hold.user == gone:
                self.holds[name] = replace(hold, user=into)
        for name, order in self.orders.items():
            if order.user == gone:
                self.orders[name] = replace(order, user=into)
        self._repay(into, now)
        self._end(into, now)
