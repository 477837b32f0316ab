"""Sizes of the long proofs.

`make test` runs each at a size at which every fault it knows of still shows; `make proofs`, with
`PROOFS=1` in the environment, at its full size, and the tests marked `proof` besides.
"""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

PROOFS = os.environ.get("PROOFS") == "1"


def sized(suite: T, *, proofs: T) -> T:
    return proofs if PROOFS else suite
