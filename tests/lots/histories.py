"""Histories that one wrong rule each gets wrong, by the name of that rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.lots import wrong_rules
from tests.lots.comparison import Answer, Call
from tests.lots.late_refunds import LateRefunds
from tests.lots.terms import NEVER, Offer, Parts, View

Measure = Callable[[View, Answer], object]


@dataclass(frozen=True)
class History:
    wrong: type[LateRefunds]
    calls: Sequence[Call]
    measure: Measure
    gives: object
    """By the wrong rule."""
    right: object


def _grant(clock: int, name: str, amount: int, end: int = NEVER) -> Call:
    return Call("grant", "ann", clock, {"name": name, "amount": amount, "expires_at": end})


def _buy(clock: int, name: str, price: int, tokens: int, end: int = NEVER) -> Call:
    return Call("buy", "ann", clock, {"name": name, "offer": Offer(price, tokens, expires_at=end)})


def _spend(clock: int, name: str, amount: int) -> Call:
    return Call("spend", "ann", clock, {"name": name, "amount": amount})


def _hold(clock: int, name: str, amount: int) -> Call:
    return Call("hold", "ann", clock, {"name": name, "amount": amount, "lasts": 1000})


def _capture(clock: int, name: str, amount: int) -> Call:
    return Call("capture", "ann", clock, {"name": name, "asked": amount, "overage": False})


def _release(clock: int, name: str) -> Call:
    return Call("release", "ann", clock, {"name": name})


def _refund(clock: int, order: str, *, force: bool = False) -> Call:
    return Call("request", "ann", clock, {"order": order, "amount": None, "force": force})


def _gateway(clock: int, order: str, refunded: int = 0, disputed: int = 0) -> Call:
    arguments = {"order": order, "refunded": refunded, "disputed": disputed}
    return Call("gateway", "ann", clock, arguments)


def _report(clock: int) -> Call:
    return Call("report", "ann", clock)


def _lot(view: View, name: str) -> Parts:
    [parts] = [parts for (lot, _), parts in view.lots.items() if lot == name]
    return parts


def _tokens(view: View, _: Answer) -> int:
    return view.tokens


def _remaining(*names: str) -> Measure:
    return lambda view, _: tuple(_lot(view, name).remaining for name in names)


def _taken(*names: str) -> Measure:
    return lambda view, _: tuple(_lot(view, name).taken for name in names)


def _answer_and_own(view: View, answer: Answer) -> tuple[str, int | None, int, int]:
    own = _lot(view, "P")
    return (*answer, own.remaining, own.reserved)


HISTORIES: dict[str, History] = {
    "no fold before a credit": History(
        wrong_rules.NoFoldBeforeCredit,
        [_buy(1, "P", 5000, 10), _spend(2, "s", 6), _grant(3, "F", 10, 90), _refund(4, "P")],
        _answer_and_own,
        gives=("done", None, 0, 10),
        right=("tokens_already_spent", 2499, 4, 0),
    ),
    "soonest-expiring first, taken literally": History(
        wrong_rules.SoonestFirstLiterally,
        [
            _grant(1, "A", 10, 20),
            _hold(2, "h", 10),
            _grant(30, "B", 5),
            _spend(31, "s", 5),
            _release(32, "h"),
        ],
        _tokens,
        gives=5,
        right=0,
    ),
    "`held` as need": History(
        wrong_rules.HeldAsNeed,
        [_grant(1, "A", 5, 20), _buy(2, "P", 5000, 10), _refund(3, "P"), _report(21)],
        lambda view, _: view.available,
        gives=5,
        right=0,
    ),
    "any open hold as need": History(
        wrong_rules.AnyHoldAsNeed,
        [
            _grant(1, "A", 10, 20),
            _hold(2, "h1", 10),
            _grant(30, "B", 5),
            _hold(31, "h2", 5),
            _release(32, "h1"),
        ],
        _tokens,
        gives=10,
        right=5,
    ),
    "nothing kept if other lots cover the hold": History(
        wrong_rules.OtherLotsCoverHolds,
        [
            _grant(1, "A", 10, 20),
            _grant(2, "B", 10),
            _hold(3, "h", 10),
            _report(20),
            _capture(30, "h", 10),
        ],
        _tokens,
        gives=0,
        right=10,
    ),
    "per-hold allocation, oldest first": History(
        wrong_rules.LotsAllottedToHolds,
        [
            _grant(1, "A", 10, 20),
            _grant(2, "B", 20),
            _hold(3, "h1", 10),
            _hold(4, "h2", 10),
            _release(30, "h1"),
            _capture(31, "h2", 10),
        ],
        _tokens,
        gives=10,
        right=20,
    ),
    "refund takes at settlement": History(
        wrong_rules.RefundTakesAtSettlement,
        [
            _buy(1, "P", 5000, 10),
            _buy(2, "Q", 3500, 10),
            _refund(3, "P"),
            _spend(4, "s", 10),
            _gateway(5, "P", refunded=5000),
        ],
        _taken("P", "Q"),
        gives=(0, 10),
        right=(10, 0),
    ),
    "reversal to own lot": History(
        wrong_rules.ReversalToOwnLot,
        [
            _buy(1, "P", 5000, 10),
            _buy(2, "Q", 35000, 100),
            _spend(3, "s", 10),
            _gateway(4, "P", disputed=5000),
            _gateway(5, "P"),
        ],
        _remaining("P", "Q"),
        gives=(10, 90),
        right=(0, 100),
    ),
    "forced refund of an expired lot takes n": History(
        wrong_rules.NothingCovered,
        [
            _buy(1, "P", 5000, 10, 20),
            _spend(2, "s", 4),
            _grant(21, "Q", 20),
            _refund(22, "P", force=True),
            _gateway(23, "P", refunded=5000),
        ],
        _remaining("Q"),
        gives=(10,),
        right=(16,),
    ),
    "expired tokens whose money goes back in two parts": History(
        wrong_rules.CoveredTooLate,
        [
            _buy(1, "P", 5000, 10, 20),
            _grant(21, "Q", 20),
            _refund(22, "P"),
            _gateway(23, "P", refunded=2500),
            _gateway(24, "P", refunded=5000),
        ],
        _remaining("Q"),
        gives=(15,),
        right=(20,),
    ),
    "refund of expired tokens that fails when half of its money is back": History(
        wrong_rules.NothingFromRefund,
        [
            _buy(1, "P", 5000, 10, 20),
            _grant(21, "Q", 20),
            _refund(22, "P"),
            _gateway(23, "P", refunded=2500),
            Call("decline", "ann", 24, {"order": "P"}),
        ],
        lambda view, _: (_lot(view, "Q").remaining, _lot(view, "P").covered),
        gives=(15, 0),
        right=(20, 5),
    ),
    "refund that fails when half of its money is back": History(
        wrong_rules.ReservedForGood,
        [
            _buy(1, "P", 5000, 10, 20),
            _grant(2, "Q", 20),
            _refund(3, "P"),
            _gateway(4, "P", refunded=2500),
            Call("decline", "ann", 5, {"order": "P"}),
        ],
        lambda view, _: (_lot(view, "P").remaining, _lot(view, "Q").remaining),
        gives=(10, 15),
        right=(5, 20),
    ),
    "refund of expired tokens that a won dispute makes smaller": History(
        wrong_rules.CoveredForGood,
        [
            _buy(1, "P", 3, 8, 20),
            _gateway(21, "P", disputed=2),
            Call("request", "ann", 22, {"order": "P", "amount": 1, "force": False}),
            _gateway(23, "P"),
            _gateway(24, "P", refunded=1),
        ],
        lambda view, _: (view.tokens, _lot(view, "P").covered),
        gives=(0, 3),
        right=(0, 2),
    ),
    "spend returned to its lots": History(
        wrong_rules.SpendReturnedToItsLots,
        [
            _grant(1, "A", 5, 90),
            _grant(2, "B", 5),
            _spend(3, "s1", 5),
            _report(4),
            _spend(5, "s2", 5),
            Call("give_back", "ann", 6, {"spend": "s1", "amount": 5}),
        ],
        _remaining("A", "B"),
        gives=(5, 0),
        right=(0, 5),
    ),
    "backfill in one go": History(
        wrong_rules.NoFoldBeforeCredit,
        [_buy(1, "P", 5000, 10), _spend(2, "s", 10), _grant(3, "F", 5)],
        _remaining("P", "F"),
        gives=(5, 0),
        right=(0, 5),
    ),
}
