"""Two models of lots, one drawing at every spend and one folding late, agree to the token.

For other histories, and as many as you like:
`LOT_HISTORIES=20000 pytest tests/lots/test_models.py`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from tests.lots.author import Author
from tests.lots.comparison import Pair
from tests.lots.histories import HISTORIES
from tests.lots.late_refunds import LateRefunds
from tests.lots.terms import Rules
from tests.support.sizes import sized

NUMBER = sized(60, proofs=3000)
BY_HAND = os.environ.get("LOT_HISTORIES")
CALLS = 70

ACCEPTED = {
    "grant": 8,
    "buy": 7,
    "spend": 6,
    "give back": 2,
    "hold": 5,
    "extend": 0.3,
    "release": 0.8,
    "capture": 1,
    "request": 2.5,
    "decline": 0.6,
    "settle": 0.3,
    "console": 2,
    "dispute": 2,
    "merge": 0.1,
    "report": 2,
}
"""Accepted calls of each kind that a history has on average, at the least."""

MET = {
    "kept": 2,
    "debt": 2,
    "debt while reserved": 0.2,
    "covered": 10,
    "reserved": 10,
    "held without a lot": 5,
    "returned": 2,
    "made good": 2,
    "given back": 5,
    "clock behind": 3,
}
"""Calls of a history after which it stands like that, on average, at the least."""


@pytest.mark.timeout(0 if BY_HAND else 1800)
def test_late_folding_gives_what_drawing_at_each_spend_does(
    record_property: Callable[[str, object], None],
) -> None:
    told: Counter[str] = Counter()
    met: Counter[str] = Counter()
    first = 1_000_000 if BY_HAND else 0
    number = int(BY_HAND or NUMBER)
    for seed in range(first, first + number):
        pair = play(seed)
        told += pair.told
        met += pair.met
    for name, count in (told + met).most_common():
        record_property(name, count)
    assert {kind for kind, least in ACCEPTED.items() if told[kind] < least * number} == set()
    assert {name for name, least in MET.items() if met[name] < least * number} == set()


@pytest.mark.parametrize("name", HISTORIES)
def test_written_histories_find_out_every_wrong_rule(name: str) -> None:
    """A generator that finds none of them proves nothing."""
    with pytest.raises(AssertionError):
        _play_many(HISTORIES[name].wrong)


def _play_many(late: type[LateRefunds]) -> None:
    for seed in range(100):
        play(seed, late)


def play(seed: int, late: type[LateRefunds] = LateRefunds) -> Pair:
    random = Random(seed)  # noqa: S311 - a history is told by its seed
    pair = Pair.of(rules(random), late)
    author = Author(random, pair)
    for _ in range(CALLS):
        call = author.next()
        author.heard(call, pair.play(call))
    pair.check_all(author.clock)
    return pair


def rules(random: Random) -> Rules:
    return Rules(
        returned_lifetime=random.choice([10, 10, 0]), overage_into_debt=random.random() < 0.3
    )
