"""Both models, told the same calls, and held against each other after each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from tests.lots.eager_calls import EagerCalls
from tests.lots.late import ALWAYS, Late, Row
from tests.lots.late_refunds import LateRefunds
from tests.lots.terms import Copied, Refused, Rules, View

_M = TypeVar("_M", bound=Copied)


@dataclass(frozen=True)
class Call:
    """A call of a user by the clock of that moment."""

    kind: str
    user: str
    clock: int
    arguments: Mapping[str, object] = field(default_factory=dict)
    name: str = ""
    """Its kind, more closely: of what a gateway may tell there are several."""


Answer = tuple[str, int | None]
DONE: Answer = ("done", None)


@dataclass
class Pair:
    """A call that is refused leaves nothing in either model, not even a fold."""

    late: LateRefunds
    eager: EagerCalls
    told: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, rules: Rules, late: type[LateRefunds] = LateRefunds) -> Pair:
        return cls(late(rules), EagerCalls(rules))

    def now(self, call: Call) -> int:
        """One reading for each call; of a merge, of both wallets."""
        into = str(call.arguments.get("into", call.user))
        return max(self.late.now(call.user, call.clock), self.late.now(into, call.clock))

    def play(self, call: Call) -> Answer:
        now = self.now(call)
        late, lately = _told(self.late, call, now)
        eager, eagerly = _told(self.eager, call, now)
        assert lately == eagerly, (call, lately, eagerly)
        self.late, self.eager = late, eager
        self._end_swept_holds()
        self.told.update([call.name] if lately == DONE else [])
        self.refused.update([] if lately == DONE else [f"{call.name}: {lately[0]}"])
        self.check(str(call.arguments.get("into", call.user)), call.clock)
        return lately

    def _end_swept_holds(self) -> None:
        """For good, also where the clock goes back. Which calls sweep is no rule of lots: the model
        that keeps no sums is told."""
        swept = {n: hold for n, hold in self.late.holds.items() if hold.status == "expired"}
        self.eager.holds.update(swept)

    def check(self, user: str, clock: int) -> None:
        """A wallet as either model shows it, and (I1) to (I5)."""
        now = self.late.now(user, clock)
        assert self.late.view(user, now) == self.eager.view(user, now), (user, now)
        folded = self.late.copied()
        folded.fold(user, now)
        check_invariants(self.late, folded, user, now)
        met = situations(folded, user, now, clock)
        self.met.update(name for name, is_so in met.items() if is_so)

    def check_all(self, clock: int) -> None:
        for user in list(self.late.wallets):
            self.check(user, clock)

    def view(self, user: str, clock: int) -> View:
        return self.late.view(user, self.late.now(user, clock))


def _told(model: _M, call: Call, now: int) -> tuple[_M, Answer]:
    twin = model.copied()
    try:
        getattr(twin, call.kind)(call.user, now, **call.arguments)
    except Refused as refused:
        return model, refused.answer
    return twin, DONE


def check_invariants(late: Late, folded: Late, user: str, now: int) -> None:
    """(I1) to (I5), before and after a fold."""
    assert late.remaining(user) >= late.base(user)
    wallet = late.wallet(user)
    ends = [row.lot.expires_at for row in late.own(user) if row.parts.remaining]
    assert wallet.next_change_at <= min(ends, default=wallet.next_change_at)
    assert folded.remaining(user) == folded.base(user)
    assert not (folded.debt(user) and folded.remaining(user))
    kept = 0
    for row in kept_rows(folded, user, now):
        kept += row.parts.remaining
        assert kept <= folded.need(user, row.lot, now)
        assert folded.wallet(user).next_change_at == ALWAYS


def kept_rows(folded: Late, user: str, now: int) -> list[Row]:
    return [row for row in folded.drawable(user, now) if row.lot.expires_at <= now]


def situations(folded: Late, user: str, now: int, clock: int) -> dict[str, bool]:
    """The situations that a history has to come through to try a rule."""
    rows = folded.own(user)
    refunds = [o.refund for o in folded.orders.values() if o.user == user and o.refund]
    return {
        "kept": bool(kept_rows(folded, user, now)),
        "debt": folded.debt(user) > 0,
        "debt while reserved": folded.debt(user) > 0 and folded.reserved(user) > 0,
        "covered": any(row.parts.covered for row in rows),
        "reserved": any(row.parts.reserved for row in rows),
        "held without a lot": any(refund.loose for refund in refunds),
        "returned": any(" again at " in row.lot.name for row in rows),
        "made good": any(row.lot.name.startswith("reversal") for row in rows),
        "given back": any(row.lot.name.startswith("given back") for row in rows),
        "clock behind": now > clock,
    }
