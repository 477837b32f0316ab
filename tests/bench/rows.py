"""The measurements: a row for each thing that Coinslot does, beside what it is compared with."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

Unit = Literal["per second", "ms", "MB"]


@dataclass(frozen=True)
class Comparison:
    """With another variant, round by round: how many times as much, or how many ms more."""

    other: str
    rounds: list[float]
    target: float | None
    met: bool | None
    """None where nothing was aimed at."""

    @property
    def value(self) -> float:
        return median(self.rounds)


@dataclass(frozen=True)
class Row:
    key: str
    title: str
    unit: Unit
    measured: dict[str, list[float]]
    """Of each variant, Coinslot's first, its value in each round."""
    targets: dict[str, float] = field(default_factory=dict)
    """The aim in comparison with a variant: at least so many times its rate, at most so
    many ms more, or at most so many times its MB."""
    notes: dict[str, float] = field(default_factory=dict)

    @property
    def own(self) -> str:
        return next(iter(self.measured))

    def median(self, variant: str) -> float:
        return median(self.measured[variant])

    def comparisons(self) -> list[Comparison]:
        return [self._compared(other) for other in list(self.measured)[1:]]

    def _compared(self, other: str) -> Comparison:
        pairs = zip(self.measured[self.own], self.measured[other], strict=True)
        rounds = [mine - its if self.unit == "ms" else mine / its for mine, its in pairs]
        target = self.targets.get(other)
        if target is None:
            return Comparison(other, rounds, None, None)
        enough = median(rounds) >= target if self.unit == "per second" else median(rounds) <= target
        return Comparison(other, rounds, target, enough)

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "title": self.title,
            "unit": self.unit,
            "median": {name: round(self.median(name), 3) for name in self.measured},
            "rounds": {
                name: [round(value, 3) for value in each] for name, each in self.measured.items()
            },
            "comparisons": [
                {
                    "with": each.other,
                    "kind": "difference" if self.unit == "ms" else "ratio",
                    "median": round(each.value, 3),
                    "lowest": round(min(each.rounds), 3),
                    "highest": round(max(each.rounds), 3),
                    "target": each.target,
                    "met": each.met,
                }
                for each in self.comparisons()
            ],
            "notes": {name: round(value, 4) for name, value in self.notes.items()},
        }
