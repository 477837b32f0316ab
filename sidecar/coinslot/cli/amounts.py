"""Amounts as people read them. Commands take minor units, and show the currency's own."""

from __future__ import annotations


def major(amount: int, currency: str) -> str:
    """5000 KRW → `5000`, 400 USD → `4.00`."""
    from coinslot.gateways.money import to_major  # noqa: PLC0415 - `--help` does without it

    return str(to_major(amount, currency))
