"""The calls of the late model that use tokens: credits, spends, holds, merges."""

from __future__ import annotations

from dataclasses import replace

from tests.lots.late import NEVER, Late, Order
from tests.lots.terms import Hold, Lot, Offer, Refused, Spend


class LateCalls(Late):
    """Each call is told the one `now` of its wallet."""

    def begin(self, user: str, now: int) -> None:
        """The slow way, where something is due."""
        self.calls += 1
        if now >= self.wallet(user).next_change_at:
            self.fold(user, now)

    def report(self, user: str, now: int) -> None:
        self.calls += 1
        self.fold(user, now)

    # ---- credits ----

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
        self.begin_credit(user, now)
        if expires_at <= now:
            raise Refused("invalid_argument")
        self.credit(user, amount, Lot(0, name, expires_at, priority, made=self.calls))

    def buy(self, user: str, now: int, name: str, offer: Offer) -> None:
        self.begin_credit(user, now)
        self.orders[name] = Order(user, offer)
        pack = Lot(0, name, offer.expires_at, paid=True, order=name, made=self.calls)
        self.credit(user, offer.tokens, pack)
        if offer.bonus:
            end = offer.bonus_expires_at
            bonus = replace(pack, name=f"{name} bonus", expires_at=end, paid=False)
            self.credit(user, offer.bonus, bonus)

    def begin_credit(self, user: str, now: int) -> None:
        """Leaves the next end where it was if nothing has ended; its lot may be empty now."""
        ends = [row.lot.expires_at for row in self.own(user) if row.parts.remaining]
        self.report(user, now)
        if min(ends, default=0) > now:
            self._change(user, next_change_at=min(ends))

    def credit(self, user: str, amount: int, lot: Lot) -> None:
        """A debt is made good first."""
        self.add(user, tokens=amount)
        free = max(self.wallet(user).tokens - self.reserved(user), 0)
        self.new_lot(user, lot, amount, min(amount, free))

    # ---- spends ----

    def spend(self, user: str, now: int, name: str, amount: int) -> None:
        self.begin(user, now)
        self._require(user, now, amount)
        self.add(user, tokens=-amount)
        self.spends[name] = Spend(user, self.calls, amount)

    def _require(self, user: str, now: int, amount: int) -> None:
        """Holds that have expired are in the way of a spend until somebody sweeps them."""
        wallet = self.wallet(user)
        if wallet.tokens - wallet.held < amount:
            self.sweep(user, now)
            wallet = self.wallet(user)
        if wallet.tokens - wallet.held < amount:
            raise Refused("insufficient_tokens")

    def give_back(self, user: str, now: int, spend: str, amount: int) -> None:
        """To a debt, then to lots from before that spend, the last to be drawn first."""
        self.report(user, now)
        spent = self.spends[spend]
        if amount > spent.left:
            raise Refused("spend_refunded")
        self.spends[spend] = replace(spent, left=spent.left - amount)
        rest = amount - min(self.debt(user), amount)
        self.add(user, tokens=amount)
        self.return_spend(user, now, spent, rest)
        self.fold(user, now)

    def return_spend(self, user: str, now: int, spent: Spend, rest: int) -> None:
        before = spent.call if spent.user == user else 1
        for row in reversed(self.own(user)):
            if row.lot.expires_at > now and row.lot.made < before:
                part = min(rest, row.parts.spent)
                rest -= part
                self.put(row.moved(remaining=part, spent=-part))
        ended = [row for row in self.own(user) if row.lot.expires_at <= now]
        gone = sum(row.parts.spent for row in ended if row.lot.made < before)
        self._renew(user, now, now + self.rules.returned_lifetime, min(rest, gone))
        self._renew(user, now, NEVER, rest - min(rest, gone))

    def _renew(self, user: str, now: int, end: int, rest: int) -> None:
        """Lives for a while as far as lots that have ended were spent. No end explains the rest:
        tokens that came later have paid for it."""
        if rest:
            lot = Lot(0, f"given back at {now}", end, made=self.calls)
            self.new_lot(user, lot, rest, rest)

    # ---- holds ----

    def hold(self, user: str, now: int, name: str, amount: int, lasts: int) -> None:
        self.begin(user, now)
        self.sweep(user, now)
        self._require(user, now, amount)
        self.holds[name] = Hold(user, amount, now, now + lasts)
        self.add(user, held=amount)

    def extend(self, user: str, now: int, name: str, lasts: int) -> None:  # noqa: ARG002 - the hold's
        """Moves no token, and folds nothing."""
        self.calls += 1
        hold = self.holds[name]
        if not hold.is_open(now):
            raise Refused("hold_resolved")
        self.holds[name] = replace(hold, expires_at=max(hold.expires_at, now + lasts))

    def _open(self, user: str, now: int, name: str) -> Hold:
        self.begin(user, now)
        if not self.holds[name].is_open(now):
            raise Refused("hold_resolved")
        return self.holds[name]

    def _resolve(self, name: str, status: str) -> None:
        hold = self.holds[name]
        self.holds[name] = replace(hold, status=status)
        self.add(hold.user, held=-hold.amount)

    def release(self, user: str, now: int, name: str) -> None:
        self._open(user, now, name)
        self._resolve(name, "released")
        self.begin(user, now)

    def capture(self, user: str, now: int, name: str, asked: int, *, overage: bool) -> None:
        hold = self._open(user, now, name)
        if asked > hold.amount and not overage:
            raise Refused("invalid_amount")
        taken = min(asked, hold.amount)
        if asked > hold.amount:
            taken += min(asked - hold.amount, self._free(user, now))
        self._resolve(name, "captured")
        kept = [row for row in self.own(user) if hold.created_at < row.lot.expires_at <= now]
        self.draw(kept, taken, "spend")
        self.add(user, tokens=-taken)
        self.spends[name] = Spend(user, self.calls, taken)
        self.begin(user, now)

    def _free(self, user: str, now: int) -> int:
        if self.rules.overage_into_debt:
            return NEVER
        wallet = self.wallet(user)
        return max(0, wallet.tokens - wallet.held + self.over(user, now))

    # ---- merges ----

    def merge(self, gone: str, now: int, into: str) -> None:
        self.report(gone, now)
        self.fold(into, now)
        if any(o.refund for o in self.orders.values() if o.user in (gone, into)):
            raise Refused("refund_in_progress")
        tokens = self.wallet(gone).tokens
        if tokens < 0:
            self.draw(self.drawable(into, now), -tokens, "taken")
        for row in self.own(gone):
            self.put(replace(row, user=into, lot=replace(row.lot, made=0)))
        self.add(into, tokens=tokens, held=self.wallet(gone).held)
        self.add(gone, tokens=-tokens, held=-self.wallet(gone).held)
        self._move(gone, into)
        self.fold(into, now)

    def _move(self, gone: str, into: str) -> None:
        for name, hold in self.holds.items():
            if hold.user == gone:
                self.holds[name] = replace(hold, user=into)
        for name, order in self.orders.items():
            if order.user == gone:
                self.orders[name] = replace(order, user=into)
