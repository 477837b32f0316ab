"""Attempts to make others wait: nothing that they would notice comes of them.

A filter of PostgREST runs inside the transaction of the RPC, after it, under the wallet's lock. The
figures under many such calls at once are the benchmark's.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.e2e.conftest import shop
from tests.support.shop import Shop
from tests.support.threats import as_buyer

if TYPE_CHECKING:
    import httpx

__all__ = ["shop"]

KEY = "a" * 201
# Back references tried in every way: for hours, on a key like this one.
LONG = r"match.^(a*)(a*)(a*)(a*)\1\2\3\4$"
# The limits are a second, and 150 ms for a lock; the machine is shared.
LIMIT, PATIENCE = 1.0, 4.0


@pytest.fixture
def stranger(shop: Shop) -> Shop:
    """Another buyer of the same shop."""
    return Shop(shop.stack, shop.http, shop.stack.sign_up(), shop.sidecar)


@pytest.mark.parametrize(
    ("rpc", "column", "arguments"),
    [
        ("spend_tokens", "idempotency_key", {"amount": 1}),
        ("use_feature", "idempotency_key", {"feature": "question"}),
        ("create_token_order", "idempotency_key", {"product_id": "starter", "gateway": "portone"}),
    ],
)
async def test_filter_that_runs_long_is_cut_off_and_frees_the_wallet(
    shop: Shop, rpc: str, column: str, arguments: dict[str, object]
) -> None:
    call = {**arguments, "idempotency_key": KEY}
    attacker = as_buyer(shop)
    began = time.monotonic()
    answer = await attacker.send("POST", f"rpc/{rpc}", params={column: LONG}, json=call)
    assert LIMIT <= time.monotonic() - began < PATIENCE
    assert (answer.status_code, answer.json()["code"]) == (500, "57014")
    # Nothing was done, and nobody has the wallet.
    tried_again = await attacker.rpc(rpc, **call)
    assert tried_again.json().get("replayed") in {False, None}
    assert tried_again.status_code == 200


async def test_who_meets_a_held_lock_is_told_soon(shop: Shop) -> None:
    """So that calls which wait for one wallet do not take all of PostgREST's connections."""
    attacker = as_buyer(shop)

    async def waiting(number: int) -> tuple[httpx.Response, float]:
        began = time.monotonic()
        answer = await attacker.rpc("spend_tokens", amount=1, idempotency_key=f"{number}")
        return answer, time.monotonic() - began

    with shop.stack.connect() as owner, owner.transaction():
        owner.execute("select from token_wallets where user_id = %s for update", [shop.buyer.id])
        met = await asyncio.gather(*(waiting(number) for number in range(4)))
    assert [answer.json()["code"] for answer, _ in met] == ["55P03"] * 4
    assert max(seconds for _, seconds in met) < LIMIT
    assert (await waiting(5))[0].status_code == 200


async def test_forged_hints_fill_one_row_and_delay_nobody(shop: Shop, stranger: Shop) -> None:
    orders = [await shop.order() for _ in range(5)]
    for _ in range(8):
        forged = (shop.webhook(each, f"imp_{uuid4().int % 10**12:012}") for each in orders)
        await asyncio.gather(*forged)
    order_id = await stranger.order()
    imp_uid = await stranger.pay(order_id)
    began = time.monotonic()
    await stranger.webhook(order_id, imp_uid)
    await stranger.until(lambda: stranger.row(order_id)["status"] == "completed")
    assert time.monotonic() - began < PATIENCE
    assert [len(shop.inbox(each)) for each in orders] == [1] * 5
    assert await shop.tokens() == 5
