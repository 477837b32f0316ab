"""Discounts of a time to come in the console: what buyers are told when it has come."""

from __future__ import annotations

import json
import random
import subprocess
from typing import Any

import psycopg

from devstack import tools
from devstack.settings import ROOT

SHOPS = 40
PLAN = """
insert into coinslot.planned_prices (product_id, currency, starts_at, amount)
values (%s, %s, now() + %s * interval '1 hour', %s)
"""
# The moment of the console's preview becomes the present.
COMES = """
update coinslot.planned_prices set starts_at = starts_at - interval '2 hours';
update token_products set tokens_end_at = tokens_end_at - interval '2 hours'
"""


def test_the_console_foresees_the_badges_of_the_store(database: psycopg.Connection[Any]) -> None:
    chance = random.Random(5)  # noqa: S311 - the same each time
    badges = set()
    for _ in range(SHOPS):
        with database.transaction(force_rollback=True):
            _fill(database, chance)
            row = database.execute(
                "select coinslot.list_catalogue(), now() + interval '2 hours'"
            ).fetchone()
            assert row is not None
            foreseen = _foreseen(*row)
            database.execute(COMES)
            offers = database.execute(
                "select id, currency, amount, discount_percent from token_offers where tokens > 0"
            ).fetchall()
            for *offer, percent in offers:
                assert foreseen[tuple(offer)] == percent, (offer, percent, foreseen)
                badges.add(percent)
    assert len(badges) > SHOPS / 2, "of many kinds"


def _fill(database: psycopg.Connection[Any], chance: random.Random) -> None:
    database.execute("delete from token_prices; delete from token_products where id <> 'starter'")
    for each in range(chance.randrange(2, 6)):
        database.execute(
            "insert into token_products (id, kind, name, name_ko, tokens, active, tokens_end_at) "
            "values (%s, 'token_pack', 'P', 'P', %s, %s, now() + %s * interval '1 hour')",
            [
                f"p{each}",
                chance.choice((7, 10, 30, 99, 10**6)),
                chance.randrange(5) > 0,
                chance.choice((None, 1, 3)),
            ],
        )
        for currency in ("KRW", "USD"):
            database.execute(
                "insert into token_prices values (%s, %s, %s)",
                [f"p{each}", currency, chance.choice((1, chance.randrange(1, 40000), 10**12))],
            )
            for hour in (1, 2, 3):
                if chance.randrange(2):
                    amount = chance.randrange(1, 40000)
                    database.execute(PLAN, [f"p{each}", currency, hour, amount])


def _foreseen(catalogue: list[dict[str, Any]], at: object) -> dict[tuple[str, str, int], int]:
    script = [str(tools.require_node()), str(ROOT / "tests/web/discounts.mjs")]
    asked = json.dumps({"catalogue": catalogue, "at": at}, default=str)
    told = subprocess.run([*script, asked], check=True, capture_output=True, text=True)
    return {
        (product, currency, amount): percent
        for product, currency, amount, percent in json.loads(told.stdout)
    }
