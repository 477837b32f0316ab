"""Amounts as people read them. Commands take minor units, and show the currency's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coinslot.cli.terminal import fail

if TYPE_CHECKING:
    from collections.abc import Iterable

_PRICE = re.compile(r"([A-Z]{3})=([0-9]{1,16}|none)")


def major(amount: int, currency: str) -> str:
    """5000 KRW → `5000`, 400 USD → `4.00`."""
    from coinslot.gateways.money import to_major  # noqa: PLC0415 - `--help` does without it

    return str(to_major(amount, currency))


def prices_of(given: Iterable[str]) -> dict[str, int | None]:
    """Prices by currency of `KRW=13000` and `USD=none`."""
    prices: dict[str, int | None] = {}
    for each in given:
        found = _PRICE.fullmatch(each)
        if found is None:
            fail(f"--price {each}: say a currency and minor units, for example KRW=13000")
        if found[1] in prices:
            fail(f"--price {each}: {found[1]} has a price already")
        prices[found[1]] = None if found[2] == "none" else int(found[2])
    return prices
