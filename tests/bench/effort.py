"""Sizes of the benchmark: enough to judge by, or just enough to see that it works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    name: str
    rounds: int
    """Of each row. In a round every variant has two turns."""
    transactions: int
    """That each connection does in a turn in SQL."""
    http_seconds: float
    """The length of a turn over HTTP."""
    users: int
    signed_in: int
    """Of them, who have a JWT."""
    entries: tuple[int, ...]
    """Sizes of the ledgers that are compared, the smallest first: one entry for each user."""
    warm_up: int
    """Spends of each connection before the ledgers are compared."""
    credits: int
    """Payments that a connection credits in a turn."""
    orders: int
    """In a turn of what the sidecar does with an order."""
    webhooks: int
    """In the run that looks at the sidecar's memory."""
    batches: int
    """That they come in; memory is looked at after each."""
    attack_seconds: float
    """That each turn of an attack lasts, and of the quiet time beside it."""


FULL = Effort(
    name="full",
    rounds=5,
    transactions=300,
    http_seconds=1.0,
    users=10_000,
    signed_in=1_000,
    entries=(10_000, 1_000_000, 10_000_000),
    warm_up=6_000,
    credits=400,
    orders=30,
    webhooks=5_000,
    batches=20,
    attack_seconds=10.0,
)

QUICK = Effort(
    name="quick",
    rounds=1,
    transactions=10,
    http_seconds=0.1,
    users=500,
    signed_in=50,
    entries=(500, 1_000, 2_000),
    warm_up=10,
    credits=10,
    orders=4,
    webhooks=48,
    batches=4,
    attack_seconds=1.0,
)
