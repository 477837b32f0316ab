"""One suite for all gateways: whatever happens to a webhook, an answer or the gateway itself, an
order is credited exactly once or not at all, and the books add up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.counters import Counter

if TYPE_CHECKING:
    pass

RACES = 50


async def once(counter: Counter, order_id: str) -> bool:
    """Credited, once."""
    await counter.shop.until(lambda: counter.shop.row(order_id)["status"] == "completed")
    await counter.shop.followed(order_id)
    return (await counter.shop.tokens(), counter.shop.purchases()) == (15, 1)


async def not_at_all(counter: Counter) -> bool:
    return (await counter.shop.tokens(), counter.shop.purchases()) == (5, 0)


class TestWebhook:
    async def test_duplicate(self, counter: Counter) -> None:
        order_id = await counter.order()
        key = await counter.pay(order_id)
        for _ in range(2):
            assert await counter.tell(order_id, key, times=10) == [200] * 10
        assert await once(counter, order_id)

    async def test_late(self, counter: Counter) -> None:
        """After the order has expired."""
        order_id = await counter.order()
        key = await counter.pay(order_id)
        counter.shop.select(
            "update payments set expires_at = now() where order_id = %s returning 1", order_id
        )
        await counter.shop.rpc("run_maintenance")
        assert counter.shop.row(order_id)["status"] == "expired"
        assert await counter.tell(order_id, key) == [200]
        assert await once(counter, order_id)

    async def test_early(self, counter: Counter) -> None:
        """Before the buyer is back."""
        order_id = await counter.order()
        key = await counter.pay(order_id)
        assert await counter.tell(order_id, key) == [200]
        assert await once(counter, order_id)
        assert await counter.come_back(order_id, key) == 200
        assert await once(counter, order_id)

    async def test_earlier_than_the_payment(self, counter: Counter) -> None:
        """It says paid, the gateway does not yet: read again, and credited then."""
        order_id = await counter.order()
        key = await counter.leave(order_id)
        assert await counter.tell(order_id, key) == [200]
        await counter.shop.until(lambda: counter.shop.inbox(order_id) == [("not_yet", True)])
        assert await not_at_all(counter)

    async def test_reordered(self, counter: Counter) -> None:
        """All the money went back, and only then comes word that it was paid."""
        order_id = await counter.order()
        key = await counter.pay(order_id)
        await counter.shop.play("refund", payment_key=key)
        for paid in (False, True):
            assert await counter.tell(order_id, key, paid=paid) == [200]
            await counter.shop.followed(order_id)
        assert await counter.shop.tokens() == 5
        assert counter.shop.row(order_id)["status"] == "refunded"

    async def test_forged(self, counter: Counter) -> None:
        order_id = await counter.order()
        key = await counter.leave(order_id)
        [status] = await counter.tell(order_id, key, forged=True)
        assert status == (401 if counter.signature(b"{}", ours=False) else 200)
        await counter.shop.until(
            lambda: all(outcome == "not_yet" for outcome, _ in counter.shop.inbox(order_id))
        )
        assert await not_at_all(counter)

    async def test_truncated(self, counter: Counter) -> None:
        order_id = await counter.order()
        key = await counter.pay(order_id)
        refused = 401 if counter.signature(b"{}", ours=True) else 400
        for cut in (1, 20):
            assert await counter.tell(order_id, key, cut=cut) == [refused]
        assert counter.shop.inbox(order_id) == []
        assert await not_at_all(counter)

    async def test_wrong_order(self, counter: Counter) -> None:
        """The key of a payment for another order, which was bought and stays so."""
        bought, order_id = await counter.order(), await counter.order()
        key = await counter.pay(bought)
        assert await counter.come_back(bought, key) == 200
        assert await once(counter, bought)
        await counter.tell(order_id, key)
        # Whoever is read by order is not known yet there, and looked for again later.
        await counter.shop.until(
            lambda: all(outcome != "received" for outcome, _ in counter.shop.inbox(order_id))
        )
        assert counter.shop.row(order_id)["status"] == "pending"
        assert await once(counter, bought)

    async def test_wrong_amount_currency_or_mode(self, counter: Counter) -> None:
        """Live where this is a test. The buyer comes back as well."""
        for kind in counter.DISTORTED:
            order_id = await counter.order()
            key = await counter.pay(order_id)
            await counter.distort(key, kind)
            assert await counter.tell(order_id, key) == [200]
            await counter.come_back(order_id, key)
            await counter.shop.until(
                lambda reviewed=order_id: counter.shop.row(reviewed)["status"] == "review"  # type: ignore[misc]
            )
            assert await not_at_all(counter)
            assert len(counter.shop.discrepancies(order_id)) == 1


class TestRace:
    async def test_buyer_and_webhook_at_once_fifty_times(self, counter: Counter) -> None:
        """50 orders, each told about while its buyer comes back: 50 credited, 0 lost, 0 doubled."""

        async def race() -> str:
            order_id = await counter.order()
            key = await counter.pay(order_id)
            back, told = await asyncio.gather(
                counter.come_back(order_id, key), counter.tell(order_id, key)
            )
            assert (back, told) == (200, [200])
            return order_id

        orders = [
            order_id
            for _ in range(RACES // 5)
            for order_id in await asyncio.gather(*(race() for _ in range(5)))
        ]
        for order_id in orders:
            await counter.shop.followed(order_id)
        tokens, purchases = await counter.shop.tokens(), counter.shop.purchases()
        assert (tokens, purchases) == (5 + 10 * RACES, RACES)


class TestGateway:
    @pytest.mark.parametrize("kind", ["drop_after", "error_after"])
    async def test_answer_is_lost_after_it_took_effect(self, counter: Counter, kind: str) -> None:
        order_id = await counter.order()
        key = await counter.agree(order_id)
        await counter.fail(kind, next=1)
        assert await counter.come_back(order_id, key) in {200, 502}
        assert await counter.come_back(order_id, key) == 200
        assert await once(counter, order_id)

    async def test_is_down_for_a_while(self, counter: Counter) -> None:
        """The webhook is kept, and followed by itself once the gateway is there again."""
        order_id = await counter.order()
        key = await counter.pay(order_id)
        await counter.fail("error_before")
        assert await counter.come_back(order_id, key) in {200, 502}
        assert await counter.tell(order_id, key) == [200]
        await counter.shop.until(lambda: ("failed", True) in counter.shop.inbox(order_id))
        assert await not_at_all(counter)
        await counter.fail(None)
        assert await once(counter, order_id)
