"""Facts that both models share: what a lot is, what money is worth, and how a call is refused."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

NEVER = 1 << 40
"""The end of a lot that has none. Times are whole minutes from the beginning of a history."""

Model = TypeVar("Model", bound="Copied")


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """The call is refused, and nothing of it stays. `money` is what could go back instead."""

    def __init__(self, code: str, money: int | None = None) -> None:
        super().__init__(code)
        self.answer = (code, money)


@dataclass(frozen=True)
class Rules:
    """Settings that the models obey."""

    returned_lifetime: int = 7 * 24 * 60
    overage_into_debt: bool = False


@dataclass(frozen=True)
class Lot:
    """The facts of a lot that never change, but for `made`: the number of the call that made it, 0
    once it has moved."""

    number: int
    name: str
    expires_at: int
    priority: int = 0
    paid: bool = False
    order: str | None = None
    made: int = 0

    @property
    def place(self) -> tuple[int, int, bool, int]:
        """In the order of drawing, which is total."""
        return self.expires_at, self.priority, self.paid, self.number


@dataclass(frozen=True)
class Hold:
    user: str
    amount: int
    created_at: int
    expires_at: int
    status: str = "held"

    def is_open(self, now: int) -> bool:
        return self.status == "held" and self.expires_at > now


@dataclass(frozen=True)
class Spend:
    """A spend, a capture or a negative adjustment: whose, by which call, what is left of it."""

    user: str
    call: int
    left: int


@dataclass(frozen=True)
class Offer:
    """An order's price in money, and how many tokens that buys."""

    price: int
    tokens: int
    bonus: int = 0
    expires_at: int = NEVER
    bonus_expires_at: int = NEVER

    def due(self, back: int) -> int:
        """Tokens that go back for so much money, all told."""
        given = self.tokens + self.bonus
        return given if back >= self.price else given * back // self.price


class Parts(NamedTuple):
    """Places of the tokens of a lot. `covered` is a part of `expired`."""

    remaining: int = 0
    reserved: int = 0
    spent: int = 0
    taken: int = 0
    expired: int = 0
    covered: int = 0


@dataclass(frozen=True)
class View:
    """A wallet as it would be after a fold. Lots that nothing tells apart are one."""

    tokens: int
    available: int
    lots: dict[tuple[str, int], Parts] = field(default_factory=dict)


class Copied:
    """A model whose values are frozen: it is copied by copying its lists and dictionaries."""

    def copied(self: Model) -> Model:
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, list | dict | bytearray):
                setattr(twin, name, value.copy())
        return twin


def summed(parts: list[tuple[Lot, Parts]]) -> dict[tuple[str, int], Parts]:
    sums: dict[tuple[str, int], Parts] = {}
    for lot, more in parts:
        key = (lot.name, lot.expires_at)
        before = sums.get(key, Parts())
        sums[key] = Parts(*(a + b for a, b in zip(before, more, strict=True)))
    return sums
