"""Orders that are over, closed at every gateway, and money that comes for them all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from coinslot.services import opened
from tests.support.checkouts import Checkout, at_one, only_at
from tests.support.gateways import STRIPE, TOSS
from tests.support.stripe_shop import StripeShop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coinslot.services import Services


@pytest_asyncio.fixture
async def services(checkout: Checkout) -> AsyncIterator[Services]:
    async with opened(checkout.settings()) as services:
        yield services


def listed(checkout: Checkout, order_id: str) -> int:
    [(count,)] = checkout.shop.select(
        "select count(*) from coinslot.payment_closings c join token_payments p "
        "on p.id = c.payment_id where p.order_id = %s",
        order_id,
    )
    return int(count)


async def closed(checkout: Checkout, services: Services, order_id: str) -> bool:
    """By us, or by the server beside us, which may have taken the work."""
    await services.reconciliations.once()
    await checkout.shop.until(lambda: not listed(checkout, order_id))
    return True


async def test_canceled_order_is_closed_there(checkout: Checkout, services: Services) -> None:
    order_id = await checkout.order()
    await checkout.leave(order_id)
    buyer = checkout.shop.buyer
    canceled = await checkout.shop.rpc("cancel_token_order", buyer, order_id=order_id)
    assert canceled["status"] == "canceled"
    assert await closed(checkout, services, order_id)
    assert checkout.shop.row(order_id)["status"] == "canceled"


async def test_order_found_paid_when_it_is_closed_is_bought(
    checkout: Checkout, services: Services
) -> None:
    order_id = await checkout.order()
    await checkout.pay(order_id)
    await checkout.shop.rpc("cancel_token_order", checkout.shop.buyer, order_id=order_id)
    assert await closed(checkout, services, order_id)
    await checkout.shop.until(lambda: checkout.shop.row(order_id)["status"] == "completed")
    assert await checkout.shop.tokens() == 15


@only_at(STRIPE)
async def test_repeated_checkout_retrieves_the_payment(checkout: Checkout) -> None:
    """Under a key that the gateway has forgotten."""
    shop = StripeShop.of(checkout.shop)
    key = {"Idempotency-Key": "one click"}
    first = await shop.create(**key)
    await shop.play("clock", advance_s=25 * 3600)
    try:
        again = await shop.create(**key)
    finally:
        await shop.play("clock", advance_s=-25 * 3600)
    assert again.json()["clientSecret"] == first.json()["clientSecret"]


@at_one(TOSS)
async def test_price_typo_cannot_be_hoarded(checkout: Checkout, services: Services) -> None:
    """Refunded by one command."""
    order_id = await checkout.order()
    await checkout.shop.rpc("void_token_orders_for", product_id="starter")
    checkout.shop.select(  # gateways tell whole seconds
        "update token_payments set voided_at = voided_at - interval '2 s' where order_id = %s "
        "returning 1",
        order_id,
    )
    key = await checkout.pay(order_id)
    assert await checkout.tell(order_id, key) == [200]
    await checkout.shop.until(lambda: checkout.shop.row(order_id)["status"] == "review")
    assert await checkout.shop.tokens() == 5
    refund = await services.refunds.accept(order_id)
    assert (refund.status, refund.tokens) == ("succeeded", 0)
    assert checkout.shop.row(order_id)["status"] == "voided"
