"""The calls of the late model by which money goes back, and comes again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.lots.late import NEVER, Order, Refund, Row
from tests.lots.late_calls import LateCalls
from tests.lots.terms import Lot, Refused

Parts = tuple[tuple[int, int], ...]
ASIDE = "set aside"
"""A taking of expired tokens by a refund that is open: covered, once its money has gone back."""


class LateRefunds(LateCalls):
    """All of them fold first, if a token moves by them."""

    def report_if(self, is_moved: bool, user: str, now: int) -> None:
        if is_moved:
            self.report(user, now)
        else:
            self.calls += 1

    def request(self, user: str, now: int, order: str, amount: int | None, *, force: bool) -> None:
        known = self.orders[order]
        left = known.offer.price - known.back
        asked = left if amount is None else amount
        if known.refund:
            raise Refused("refund_in_progress")
        if not 0 < asked <= left:
            raise Refused("not_refundable")
        due = known.offer.due(known.back + asked) - known.offer.due(known.back)
        self.set_aside(user, now, order, due, force=force)
        refund = self.orders[order].refund
        assert refund
        refund = replace(refund, amount=asked, before=known.refunded)
        self.orders[order] = replace(self.orders[order], refund=refund)

    def set_aside(self, user: str, now: int, order: str, due: int, *, force: bool) -> None:
        """As many tokens as go back with the money that is asked for."""
        known = self.orders[order]
        self.report_if(due > 0, user, now)
        if due and not force:
            self._check_own(known, order, due)
        reserved = self.reserve(order, now, due)
        held = due - _sum(reserved)
        covered = self.cover(order, held)
        loose = held - _sum(covered)
        refund = Refund(0, 0, reserved, covered, loose)
        self.add(user, held=refund.held)
        for number, part in covered:
            self.note(order, ASIDE, number, part)
        self.orders[order] = replace(self.orders[order], refund=refund)

    def _check_own(self, known: Order, order: str, due: int) -> None:
        rows = self.own_of(order)
        there = sum(row.parts.remaining for row in rows)
        gone = sum(row.parts.expired - row.parts.covered for row in rows)
        wallet = self.wallet(known.user)
        available = max(0, wallet.tokens - wallet.held)
        most = there + gone if available >= there else available
        if due > most:
            raise Refused("tokens_already_spent", _money(known, most))

    def own_of(self, order: str) -> list[Row]:
        return [row for row in self.own(self.orders[order].user) if row.lot.order == order]

    def reserve(self, order: str, now: int, due: int) -> Parts:
        parts: Parts = ()
        for row in self._drawable_of(order, now):
            part = min(due, row.parts.remaining)
            due -= part
            if part:
                self.put(row.moved(remaining=-part, reserved=part))
                parts += ((row.lot.number, part),)
        return parts

    def _drawable_of(self, order: str, now: int) -> list[Row]:
        rows = self.drawable(self.orders[order].user, now)
        return [row for row in rows if row.lot.order == order]

    def cover(self, order: str, due: int) -> Parts:
        """Expired tokens of the order, for which money goes back and no token."""
        parts: Parts = ()
        for row in self.own_of(order):
            part = min(due, row.parts.expired - row.parts.covered)
            due -= part
            if part:
                self.put(row.moved(covered=part))
                parts += ((row.lot.number, part),)
        return parts

    def decline(self, user: str, now: int, order: str) -> None:
        """The gateway said no."""
        refund = self.orders[order].refund
        if refund is None:
            raise Refused("refund_finished")
        self.report_if(refund.moves, user, now)
        known = self.orders[order]
        takings = tuple(taking for taking in known.takings if taking[0] != ASIDE)
        self.orders[order] = replace(known, takings=takings)
        for number, part in _aside(known):
            self.put(self.rows[number].moved(covered=-part))
        self._end_refund(user, now, order, refund.reserved)
        if refund.moves:
            self.fold(user, now)

    def _end_refund(self, user: str, now: int, order: str, reserved: Parts) -> None:
        """Ends a refund, of which so much is still reserved."""
        known = self.orders[order]
        assert known.refund
        self.orders[order] = replace(known, refund=None)
        self.add(user, held=-known.refund.held)
        for number, part in reserved:
            self.bring_back(self.rows[number], part, "reserved", now)
        if known.refund.moves:
            self.pay_debt(user, now)

    def gateway(self, user: str, now: int, order: str, refunded: int, disputed: int) -> None:
        """The gateway's totals of what went back."""
        known = self.orders[order]
        due = known.offer.due(refunded + disputed) - known.offer.due(known.back)
        refund = known.refund
        done = bool(refund and refunded >= refund.before + refund.amount)
        self.orders[order] = replace(known, back=refunded + disputed, refunded=refunded)
        self.settle(user, now, order, due, done=done)

    def settle(self, user: str, now: int, order: str, due: int, *, done: bool) -> None:
        """So many more tokens are due, or fewer; an open refund may be done by it."""
        refund = self.orders[order].refund
        moves = bool(due or (done and refund and refund.moves))
        self.report_if(moves, user, now)
        due -= self.count_covered(order) if done else 0
        reserved = self._reserved(order, now)
        if done and due > 0:
            taken, reserved = _split(reserved, due)
            due -= self._take_reserved(user, order, taken)
        if due > 0:
            self.claw_back(user, now, order, due, done=done)
        elif due < 0:
            self._return(user, now, order, -due)
        if done and refund:
            self._end_refund(user, now, order, reserved)
        if moves:
            self.fold(user, now)

    def count_covered(self, order: str) -> int:
        """Expired tokens that a refund has set aside are gone with its money; how many."""
        known = self.orders[order]
        takings = tuple(
            ("covered" if place == ASIDE else place, number, part)
            for place, number, part in known.takings
        )
        self.orders[order] = replace(known, takings=takings)
        return _sum(_aside(known))

    def _reserved(self, order: str, now: int) -> Parts:
        """Of lots that live, then of others."""
        refund = self.orders[order].refund
        parts = (
            [(self.rows[number].lot, part) for number, part in refund.reserved] if refund else []
        )
        parts.sort(key=lambda part: (part[0].expires_at <= now, part[0].place))
        return tuple((lot.number, part) for lot, part in parts)

    def _take_reserved(self, user: str, order: str, parts: Parts) -> int:
        for number, part in parts:
            self.put(self.rows[number].moved(reserved=-part, taken=part))
            self.note(order, "lot", number, part)
        self.add(user, tokens=-_sum(parts))
        return _sum(parts)

    def claw_back(self, user: str, now: int, order: str, due: int, *, done: bool) -> None:
        own = self._take_from(order, self._drawable_of(order, now), due)
        gone = self.cover(order, due - own)
        if not done:
            gone += self.cover_from_refund(order, due - own - _sum(gone))
        for number, part in gone:
            self.note(order, "covered", number, part)
        self.add(user, tokens=-own)
        due -= own + _sum(gone)
        if not done:
            due -= self.take_from_refund(user, now, order, due)
        self._take(user, now, order, due)

    def cover_from_refund(self, order: str, due: int) -> Parts:
        """Of what an open refund has set aside: other money of the order is back first."""
        covered: Parts = ()
        takings: tuple[tuple[str, int, int], ...] = ()
        for place, number, part in self.orders[order].takings:
            over = min(due, part) if place == ASIDE else 0
            due -= over
            covered += ((number, over),) if over else ()
            takings += ((place, number, part - over),) if over < part else ()
        self.orders[order] = replace(self.orders[order], takings=takings)
        return covered

    def take_from_refund(self, user: str, now: int, order: str, due: int) -> int:
        """Of what an open refund has reserved, which stays held without a lot; how many."""
        taken, rest = _split(self._reserved(order, now), due)
        known = self.orders[order]
        if known.refund:
            loose = known.refund.loose + _sum(taken)
            refund = replace(known.refund, reserved=rest, loose=loose)
            self.orders[order] = replace(known, refund=refund)
        return self._take_reserved(user, order, taken)

    def _take(self, user: str, now: int, order: str, number: int) -> None:
        """From any lot, and then as a debt."""
        drawn = self._take_from(order, self.drawable(user, now), number)
        self.note(order, "debt", 0, number - drawn)
        self.add(user, tokens=-number)

    def _take_from(self, order: str, rows: list[Row], number: int) -> int:
        before = {row.lot.number: row.parts.taken for row in rows}
        drawn = self.draw(rows, number, "taken")
        for row in rows:
            part = self.rows[row.lot.number].parts.taken - before[row.lot.number]
            self.note(order, "lot", row.lot.number, part)
        return sum(draw.tokens for draw in drawn)

    def note(self, order: str, place: str, number: int, part: int) -> None:
        known = self.orders[order]
        if part:
            self.orders[order] = replace(known, takings=(*known.takings, (place, number, part)))

    def _return(self, user: str, now: int, order: str, number: int) -> None:
        """Latest first, each to where it came from, but for what an open refund has set aside."""
        kept: list[tuple[str, int, int]] = []
        for place, lot, part in reversed(self.orders[order].takings):
            back = 0 if place == ASIDE else min(number, part)
            number -= back
            if back < part:
                kept.append((place, lot, part - back))
            if back:
                self.return_taking(user, now, place, lot, back)
        self.orders[order] = replace(self.orders[order], takings=tuple(reversed(kept)))

    def return_taking(self, user: str, now: int, place: str, lot: int, back: int) -> None:
        if place == "covered":
            self.put(self.rows[lot].moved(covered=-back))
            return
        good = back - min(self.debt(user), back)
        self.add(user, tokens=back)
        if place == "lot":
            self.bring_back(self.rows[lot], back, "taken", now)
            self.pay_debt(user, now)
        elif good:
            self.new_lot(user, Lot(0, f"reversal at {now}", NEVER, made=self.calls), good, good)

    def pay_debt(self, user: str, now: int) -> None:
        rows = self.drawable(user, now)
        self.draw(rows, self.remaining(user) - self.base(user), "spend")


def _aside(known: Order) -> Parts:
    return tuple((number, part) for place, number, part in known.takings if place == ASIDE)


def _sum(parts: Sequence[tuple[int, int]]) -> int:
    return sum(number for _, number in parts)


def _split(parts: Parts, first: int) -> tuple[Parts, Parts]:
    """The first so many, and the rest."""
    ahead: Parts = ()
    rest: Parts = ()
    for number, part in parts:
        taken = max(0, min(part, first - _sum(ahead)))
        ahead += ((number, taken),) if taken else ()
        rest += ((number, part - taken),) if part > taken else ()
    return ahead, rest


def _money(known: Order, tokens: int) -> int:
    """The largest sum for which no more than so many tokens go back."""
    offer = known.offer
    total = offer.due(known.back) + tokens
    if total >= offer.due(offer.price):
        return offer.price - known.back
    given = offer.tokens + offer.bonus
    return min(-(-(total + 1) * offer.price // given) - 1, offer.price) - known.back
