"""The meanings of a gateway's answers. Each gateway lists its own in an `answers.py`.

`done` is a fact, and is applied. `declined` is a no to this buyer, in the gateway's own words.
`refused` is a no for good: the order is closed, or the refund given up. `unknown` says nothing of
the money: the payment is read again. `nonsense` cannot be acted on: nothing changes until a later
read makes sense.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Meaning = Literal["done", "declined", "refused", "unknown", "nonsense"]


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of answer to one call. `says` is Markdown."""

    call: str
    says: str
    means: Meaning


@dataclass(frozen=True, slots=True)
class Answers:
    title: str
    rows: tuple[Row, ...]


def words(*groups: Iterable[str]) -> str:
    """The gateway's own words, as Markdown."""
    return ", ".join(f"`{each}`" for each in sorted({each for group in groups for each in group}))
