"""Rules that look right and are wrong, each in place of the right one of the late model."""

# ruff: noqa: ARG002 - a wrong rule ignores what the right one looks at

from __future__ import annotations

from dataclasses import replace

from tests.lots.late import Row
from tests.lots.late_refunds import LateRefunds, Parts
from tests.lots.terms import Lot, Spend


class NoFoldBeforeCredit(LateRefunds):
    """Draws old spends from the new lot, too."""

    def begin_credit(self, user: str, now: int) -> None:
        self.calls += 1


class SoonestFirstLiterally(LateRefunds):
    """Spends what is kept for a hold, since that ends first."""

    def drawable(self, user: str, now: int) -> list[Row]:
        return [row for row in self.own(user) if row.parts.remaining]


class HeldAsNeed(LateRefunds):
    """Keeps a lot for a refund, which has its own tokens."""

    def need(self, user: str, lot: Lot, now: int) -> int:
        return self.wallet(user).held


class AnyHoldAsNeed(LateRefunds):
    """Keeps a lot for holds that were made after its end."""

    def need(self, user: str, lot: Lot, now: int) -> int:
        holds = [hold for hold in self.holds.values() if hold.user == user and hold.is_open(now)]
        return sum(hold.amount for hold in holds)


class OtherLotsCoverHolds(LateRefunds):
    """Keeps nothing where lots that live would do."""

    def keep(self, user: str, row: Row, kept: int, now: int) -> int:
        rows = [other for other in self.own(user) if other.lot.expires_at > now]
        living = sum(other.parts.remaining for other in rows)
        need = self.need(user, row.lot, now) - living
        return max(0, min(row.parts.remaining, need - kept))


class LotsAllottedToHolds(LateRefunds):
    """Gives each hold lots of its own, the oldest hold first."""

    def need(self, user: str, lot: Lot, now: int) -> int:
        need = 0
        start = sum(
            row.parts.remaining + row.parts.spent
            for row in self.own(user)
            if row.lot.place < lot.place
        )
        end = start + self.rows[lot.number].parts.remaining
        for hold in self.holds.values():
            if hold.is_open(now):
                need += max(0, min(end, hold.amount) - max(start, 0))
            start, end = start - hold.amount, end - hold.amount
        return need


class RefundTakesAtSettlement(LateRefunds):
    """Leaves the tokens of a refund in their lots while the gateway is asked."""

    def reserve(self, order: str, now: int, due: int) -> Parts:
        return ()


class ReversalToOwnLot(LateRefunds):
    """Gives what a dispute took to the lots of its order, whichever it came from."""

    def return_taking(self, user: str, now: int, place: str, lot: int, back: int) -> None:
        own = next(row for row in self.own(user) if row.parts.spent)
        self.add(user, tokens=back)
        self.put(self.rows[lot].moved(taken=-back, spent=back))
        self.put(own.moved(remaining=back, spent=-back))


class NothingCovered(LateRefunds):
    """Takes other tokens for those that have expired."""

    def cover(self, order: str, due: int) -> Parts:
        return ()


class NothingFromRefund(LateRefunds):
    """Takes other tokens for expired ones that an open refund has set aside."""

    def cover_from_refund(self, order: str, due: int) -> Parts:
        return ()


class ReservedForGood(LateRefunds):
    """Takes other tokens for those that an open refund of the order has reserved."""

    def take_from_refund(self, user: str, now: int, order: str, due: int) -> int:
        return 0


class CoveredTooLate(LateRefunds):
    """Takes other tokens for expired ones at the end of the refund that has set them aside."""

    def count_covered(self, order: str) -> int:
        return 0


class CoveredForGood(LateRefunds):
    """Counts all that a refund has set aside, also where it is done for less."""

    def count_covered(self, order: str) -> int:
        aside = self.orders[order].takings
        counted = super().count_covered(order)
        self.orders[order] = replace(self.orders[order], takings=aside)
        return counted


class SpendReturnedToItsLots(LateRefunds):
    """Gives a spend back to the lots that it drew."""

    def return_spend(self, user: str, now: int, spent: Spend, rest: int) -> None:
        for row in self.own(user):
            part = min(rest, row.parts.spent)
            rest -= part
            self.put(row.moved(remaining=part, spent=-part))
