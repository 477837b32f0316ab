"""Waits that differ a little, so that servers do not all come at once."""

from __future__ import annotations

import random


def about(seconds: float, spread: float = 0.2) -> float:
    """So many seconds, give or take `spread` of them."""
    return seconds * random.uniform(1 - spread, 1 + spread)  # noqa: S311 - not secret
