"""The PaymentIntent is registered as what it was when Stripe was asked, and no later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coinslot.database import Database
from coinslot.errors import PaymentRefused
from coinslot.gateways.stripe.adapter import Stripe
from coinslot.gateways.stripe.client import StripeApi
from coinslot.payments.orders import Orders
from coinslot.payments.settlements import Settlements

if TYPE_CHECKING:
    from coinslot.gateways.base import Order, Prepared
    from tests.support.stripe_shop import StripeShop


class Overtaken(Stripe):
    """Between its answer and what is made of it, the buyer pays and the webhook is applied."""

    shop: StripeShop

    async def prepare(self, order: Order) -> Prepared:
        prepared = await super().prepare(order)
        key = await self.shop.pay(order.order_id)
        assert await self.shop.deliver(key) == [200]
        await self.shop.becomes(order.order_id, "completed")
        return prepared


async def test_payment_that_went_on_meanwhile_is_not_put_back(stripe_shop: StripeShop) -> None:
    order_id = (await stripe_shop.create(**{"Idempotency-Key": "again"})).json()["orderId"]
    gateway = Overtaken(
        StripeApi("sk_test_sandbox", stripe_shop.stripe_url, 10), publishable_key="pk_test_1"
    )
    gateway.shop = stripe_shop
    try:
        async with Database(stripe_shop.settings()) as database:
            orders = Orders(database, {"stripe": gateway}, Settlements(database), live=False)
            token = stripe_shop.buyer.token
            with pytest.raises(PaymentRefused):
                await orders.checkout(token, "starter", "stripe", "again", "USD")
    finally:
        await gateway.close()
    assert (stripe_shop.row(order_id)["status"], await stripe_shop.tokens()) == ("completed", 15)
    assert stripe_shop.events(order_id) == []
