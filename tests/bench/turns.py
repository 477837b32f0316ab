"""Variants that take turns, so that whatever else happens on the machine happens to all of them."""

from __future__ import annotations

from statistics import mean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def alternate(rounds: int, variants: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """The result of each variant in each round: the mean of its two turns.

    A round goes there and back, A B C C B A, so that what gets slower or faster meanwhile does so
    for each alike.
    """
    measured: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        turns: dict[str, list[float]] = {name: [] for name in variants}
        for name in (*variants, *reversed([*variants])):
            turns[name].append(variants[name]())
        for name, values in turns.items():
            measured[name].append(mean(values))
    return measured


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie; they need not be sorted."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
