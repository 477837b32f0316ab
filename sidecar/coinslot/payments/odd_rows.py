"""The rows of a gateway's list that nobody can read: counted, the first ones kept, and one mark."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coinslot.gateways.listing import OddRow

_SHOWN = 20
_MODULUS = 2**256


@dataclass
class OddRows:
    """Holds no more than the first of them, however many there are.

    `mark` is the same for the same rows in any order, so that a person who has accepted some has
    not accepted others. It is None where the list was not read to its end: then nobody knows what
    else is in it.
    """

    count: int = 0
    first: list[OddRow] = field(default_factory=list)
    whole: bool = True
    _sum: int = 0

    def note(self, row: OddRow) -> None:
        self.count += 1
        if len(self.first) < _SHOWN:
            self.first.append(row)
        text = f"{row.key}\n{row.why}".encode("utf-8", "replace")
        digest = hashlib.sha256(text).digest()
        self._sum = (self._sum + int.from_bytes(digest)) % _MODULUS

    def cut_short(self, row: OddRow) -> None:
        self.note(row)
        self.whole = False

    @property
    def mark(self) -> str | None:
        return f"{self._sum:064x}" if self.whole else None
