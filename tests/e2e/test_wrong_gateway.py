"""Money that came in for an order of ours through another gateway than the order's: never tokens,
and always something for a person to see."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.e2e.inbox_harness import inbox_harness
from tests.support.toss_shop import TossShop

if TYPE_CHECKING:
    from tests.support.shop import Shop


@pytest.fixture
def toss(shop: Shop) -> TossShop:
    return TossShop.of(shop)


async def kept_for_a_person(shop: Shop, order_id: str) -> bool:
    assert (shop.discrepancies(order_id), shop.events(order_id)) == (["wrong_gateway"],) * 2
    assert (shop.row(order_id)["status"], await shop.tokens()) == ("review", 5)
    return True


async def test_seen_when_the_buyer_comes_back(shop: Shop, toss: TossShop) -> None:
    order_id = await toss.order()
    imp_uid = await shop.pay(order_id, amount=5000, force=True)
    for _ in range(2):
        answer = await shop.complete(order_id, imp_uid)
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong_gateway")
        assert await kept_for_a_person(shop, order_id)


async def test_seen_when_it_is_to_be_confirmed(shop: Shop, toss: TossShop) -> None:
    """Somebody took it: not we."""
    order_id = await shop.order("standard")
    key = await toss.pay(order_id)
    await toss.http.post(
        f"{toss.toss_url}/v1/payments/confirm",
        json={"paymentKey": key, "orderId": order_id, "amount": 5000},
        auth=("test_sk_sandbox", ""),
    )
    answer = await toss.confirm(order_id, key)
    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_gateway")
    assert await kept_for_a_person(shop, order_id)


async def test_seen_when_a_signed_webhook_tells_of_it(shop: Shop, toss: TossShop) -> None:
    order_id = await toss.order()
    imp_uid = await shop.pay(order_id, amount=5000, force=True)
    async with inbox_harness(shop) as harness:
        await harness.deliver(order_id, imp_uid, f"evt_{uuid4().hex}")
        assert await shop.followed(order_id) == ["refused"]
    assert await kept_for_a_person(shop, order_id)


async def test_done_with_once_it_went_back(shop: Shop, toss: TossShop) -> None:
    order_id = await toss.order()
    imp_uid = await shop.pay(order_id, amount=5000, force=True)
    await shop.complete(order_id, imp_uid)
    assert await kept_for_a_person(shop, order_id)
    back = {"status": "cancelled", "cancel_amount": 5000}
    await shop.play(f"payments/{imp_uid}", "PATCH", **back)
    assert (await shop.complete(order_id, imp_uid)).json()["code"] == "wrong_gateway"
    assert (shop.discrepancies(order_id), await shop.tokens()) == ([], 5)


@pytest.mark.parametrize("imp_uid", ["imp_000000000001", "of another order", "not paid"])
async def test_nothing_where_there_is_no_money(shop: Shop, toss: TossShop, imp_uid: str) -> None:
    order_id = await toss.order()
    if imp_uid == "of another order":
        imp_uid = await shop.pay(await shop.order())
    elif imp_uid == "not paid":
        imp_uid = await shop.pay(order_id, amount=5000, force=True, outcome="abandoned")
    answer = await shop.complete(order_id, imp_uid)
    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_gateway")
    assert (shop.events(order_id), shop.discrepancies(order_id)) == (["wrong_gateway"], [])
    assert shop.row(order_id)["status"] == "pending"
