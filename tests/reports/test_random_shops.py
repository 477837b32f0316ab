"""Shops that differ by chance, each with its own account of what happened: reports come to the same
in each, also where nothing was added up for days."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.reports.played_year import Year
from tests.reports.shop import ZONES, bank, report, span, summed
from tests.reports.test_every_report import check_liability, check_tokens
from tests.support.sizes import sized

if TYPE_CHECKING:
    from tests.database.people import Bank
    from tests.support.clocks import Clock
    from tests.support.clusters import Cluster

__all__ = ["bank"]

SHOPS = sized(3, proofs=25)
DAYS = 25


@pytest.mark.parametrize("seed", range(SHOPS))
def test_a_shop_adds_up(bank: Bank, clocked: tuple[Cluster, Clock], seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same each time
    shop = Year(bank, clocked[1], chance, lifetime=chance.randrange(2, 9))
    shop.begin()
    printed: list[tuple[dict[str, str], dict[str, object]]] = []
    for day in range(DAYS):
        shop.day()
        if day % 8 == seed % 8:
            shop.now += timedelta(hours=2)
            shop.clock.set(shop.now)
            summed(bank)
            options = span(shop, "Asia/Seoul") | {"to": str((shop.now - timedelta(days=1)).date())}
            printed.append((options, _printed(shop, options)))
    shop.now += timedelta(minutes=20)
    shop.clock.set(shop.now)
    summed(bank)
    for zone in ZONES[:2]:
        for name, check in (("tokens", check_tokens), ("liability", check_liability)):
            made = report(bank, shop.owner, name, **span(shop, zone), step="day")
            check(shop, zone, made["rows"])
    for options, said in printed:
        assert _printed(shop, options) == said, "what was over has changed"
    assert not bank.audit()


def _printed(shop: Year, options: dict[str, str]) -> dict[str, object]:
    made = {
        name: report(shop.bank, shop.owner, name, **options) for name in ("tokens", "liability")
    }
    assert all(each["complete"] for each in made.values())
    return {name: each["rows"] for name, each in made.items()}
