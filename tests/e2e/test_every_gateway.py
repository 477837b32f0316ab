"""One suite for all gateways: whatever happens to a webhook, an answer or the gateway itself, an
order is credited exactly once or not at all, and the books add up."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.checkouts import Checkout
from tests.support.sizes import sized

RACES = sized(20, proofs=50)

_DUE = """
update coinslot.webhooks set next_attempt_at = now()
where order_id = any (%s) and next_attempt_at is not null returning 1
"""


async def once(checkout: Checkout, order_id: str) -> bool:
    """Credited, once."""
    await checkout.shop.until(lambda: checkout.shop.row(order_id)["status"] == "completed")
    await checkout.shop.followed(order_id)
    return (await checkout.shop.tokens(), checkout.shop.purchases()) == (15, 1)


async def not_at_all(checkout: Checkout) -> bool:
    return (await checkout.shop.tokens(), checkout.shop.purchases()) == (5, 0)


class TestWebhook:
    async def test_duplicate(self, checkout: Checkout) -> None:
        order_id = await checkout.order()
        key = await checkout.pay(order_id)
        for _ in range(2):
            assert await checkout.tell(order_id, key, times=10) == [200] * 10
        assert await once(checkout, order_id)

    async def test_late(self, checkout: Checkout) -> None:
        """After the order has expired."""
        order_id = await checkout.order()
        key = await checkout.pay(order_id)
        checkout.shop.select(
            "update token_payments set expires_at = now() where order_id = %s returning 1", order_id
        )
        await checkout.shop.rpc("coinslot_run_maintenance")
        assert checkout.shop.row(order_id)["status"] == "expired"
        assert await checkout.tell(order_id, key) == [200]
        assert await once(checkout, order_id)

    async def test_early(self, checkout: Checkout) -> None:
        """Before the buyer is back."""
        order_id = await checkout.order()
        key = await checkout.pay(order_id)
        assert await checkout.tell(order_id, key) == [200]
        assert await once(checkout, order_id)
        assert await checkout.come_back(order_id, key) == 200
        assert await once(checkout, order_id)

    async def test_earlier_than_the_payment(self, checkout: Checkout) -> None:
        """It says paid, the gateway does not yet: read again, and credited then."""
        order_id = await checkout.order()
        key = await checkout.leave(order_id)
        assert await checkout.tell(order_id, key) == [200]
        await checkout.shop.until(lambda: checkout.shop.inbox(order_id) == [("not_yet", True)])
        assert await not_at_all(checkout)

    async def test_reordered(self, checkout: Checkout) -> None:
        """All the money went back, and only then comes word that it was paid."""
        order_id = await checkout.order()
        key = await checkout.pay(order_id)
        await checkout.shop.play("refund", payment_key=key)
        for paid in (False, True):
            assert await checkout.tell(order_id, key, paid=paid) == [200]
            await checkout.shop.followed(order_id)
        assert await checkout.shop.tokens() == 5
        assert checkout.shop.row(order_id)["status"] == "refunded"

    async def test_forged(self, checkout: Checkout) -> None:
        order_id = await checkout.order()
        key = await checkout.leave(order_id)
        [status] = await checkout.tell(order_id, key, forged=True)
        assert status == (401 if checkout.driver.signature(b"{}", ours=False) else 200)
        await checkout.shop.until(
            lambda: all(outcome == "not_yet" for outcome, _ in checkout.shop.inbox(order_id))
        )
        assert await not_at_all(checkout)

    async def test_truncated(self, checkout: Checkout) -> None:
        order_id = await checkout.order()
        key = await checkout.pay(order_id)
        refused = 401 if checkout.driver.signature(b"{}", ours=True) else 400
        for cut in (1, 20):
            assert await checkout.tell(order_id, key, cut=cut) == [refused]
        assert checkout.shop.inbox(order_id) == []
        assert await not_at_all(checkout)

    async def test_wrong_order(self, checkout: Checkout) -> None:
        """The key of a payment for another order, which was bought and stays so."""
        bought, order_id = await checkout.order(), await checkout.order()
        key = await checkout.pay(bought)
        assert await checkout.come_back(bought, key) == 200
        assert await once(checkout, bought)
        await checkout.tell(order_id, key)
        # Whoever is read by order is not known yet there, and looked for again later.
        await checkout.shop.until(
            lambda: all(outcome != "received" for outcome, _ in checkout.shop.inbox(order_id))
        )
        assert checkout.shop.row(order_id)["status"] == "pending"
        assert await once(checkout, bought)

    async def test_wrong_amount_currency_or_mode(self, checkout: Checkout) -> None:
        """Live where this is a test. The buyer comes back as well."""
        for kind in checkout.driver.distorted:
            order_id = await checkout.order()
            key = await checkout.pay(order_id)
            await checkout.distort(key, kind)
            assert await checkout.tell(order_id, key) == [200]
            await checkout.come_back(order_id, key)
            await checkout.shop.until(
                lambda reviewed=order_id: checkout.shop.row(reviewed)["status"] == "review"  # type: ignore[misc]
            )
            assert await not_at_all(checkout)
            assert len(checkout.shop.discrepancies(order_id)) == 1


class TestRace:
    async def test_buyer_and_webhook_at_once(self, checkout: Checkout) -> None:
        """Each order is told about while its buyer comes back: all credited, 0 lost, 0 doubled."""

        async def race() -> str:
            order_id = await checkout.order()
            key = await checkout.pay(order_id)
            back, told = await asyncio.gather(
                checkout.come_back(order_id, key), checkout.tell(order_id, key)
            )
            assert (back, told) == (200, [200])
            return order_id

        orders = [
            order_id
            for _ in range(RACES // 5)
            for order_id in await asyncio.gather(*(race() for _ in range(5)))
        ]
        # So many unsigned ones of one buyer have to wait for each other.
        await asyncio.to_thread(checkout.shop.select, _DUE, orders)
        for order_id in orders:
            await checkout.shop.followed(order_id)
        tokens, purchases = await checkout.shop.tokens(), checkout.shop.purchases()
        assert (tokens, purchases) == (5 + 10 * RACES, RACES)


class TestGateway:
    @pytest.mark.parametrize("kind", ["drop_after", "error_after"])
    async def test_answer_is_lost_after_it_took_effect(self, checkout: Checkout, kind: str) -> None:
        order_id = await checkout.order()
        key = await checkout.agree(order_id)
        await checkout.fail(kind, next=1)
        assert await checkout.come_back(order_id, key) in {200, 502}
        assert await checkout.come_back(order_id, key) == 200
        assert await once(checkout, order_id)

    async def test_is_down_for_a_while(self, checkout: Checkout) -> None:
        """The webhook is kept, and followed by itself once the gateway is there again."""
        order_id = await checkout.order()
        key = await checkout.pay(order_id)
        await checkout.fail("error_before")
        assert await checkout.come_back(order_id, key) in {200, 502}
        assert await checkout.tell(order_id, key) == [200]
        await checkout.shop.until(lambda: ("failed", True) in checkout.shop.inbox(order_id))
        assert await not_at_all(checkout)
        await checkout.fail(None)
        assert await once(checkout, order_id)
