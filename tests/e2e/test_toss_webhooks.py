"""Webhooks of Toss about a payment, and others' in its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.toss_shop import TossShop

if TYPE_CHECKING:
    from tests.support.shop import Shop


@pytest.fixture
def toss(shop: Shop) -> TossShop:
    return TossShop.of(shop)


class TestWebhook:
    async def paid(self, toss: TossShop) -> tuple[str, str]:
        """An order whose money was taken, though nobody here has seen it."""
        order_id, key = await toss.agreed()
        body = {"paymentKey": key, "orderId": order_id, "amount": 5000}
        url = f"{toss.toss_url}/v1/payments/confirm"
        answer = await toss.http.post(url, json=body, auth=("test_sk_sandbox", ""))
        assert answer.status_code == 200
        return order_id, key

    async def test_alone_is_enough(self, toss: TossShop) -> None:
        order_id, key = await self.paid(toss)
        assert await toss.told(key) == 200
        assert await toss.followed(order_id) == ["credited"]
        assert (await toss.tokens(), toss.purchases()) == (15, 1)

    async def test_deposit_callback_with_another_secret_is_forged(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed(outcome="awaiting_deposit")
        await toss.confirm(order_id, key)
        for secret in ("ps_guessed", ""):
            assert await toss.told(key, event="DEPOSIT_CALLBACK", secret=secret) == 200
        assert toss.inbox(order_id) == []
        await toss.told(key, event="DEPOSIT_CALLBACK")
        assert await toss.followed(order_id) == ["unchanged"]
        kept = toss.select(
            "select headers, body from coinslot.webhooks where order_id = %s", order_id
        )
        assert set(kept[0][1]) == {"createdAt", "status", "transactionKey", "orderId"}
        assert "tosspayments-webhook-transmission-id" in kept[0][0]

    async def test_that_lies_credits_nothing(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed()
        assert await toss.told(key, status="DONE", totalAmount=5000) == 200
        await toss.until(lambda: toss.inbox(order_id) == [("not_yet", True)])
        assert (toss.row(order_id)["status"], await toss.tokens()) == ("pending", 5)

    async def test_with_a_payment_of_another_order(self, toss: TossShop) -> None:
        paid, key = await self.paid(toss)
        order_id = await toss.order()
        assert await toss.told(key, orderId=order_id) == 200
        assert await toss.followed(order_id) == ["refused"]
        assert (toss.row(order_id)["status"], toss.row(paid)["status"]) == ("pending", "pending")
        assert await toss.tokens() == 5

    async def test_stores_nothing_about_the_buyer(self, toss: TossShop) -> None:
        order_id, key = await self.paid(toss)
        await toss.told(key)
        await toss.followed(order_id)
        kept = toss.select("select body::text from coinslot.webhooks where order_id = %s", order_id)
        payment = await toss.at_toss(key)
        assert key in kept[0][0]
        assert payment["secret"] not in kept[0][0]
        assert payment["card"]["number"] not in kept[0][0]

    @pytest.mark.parametrize(
        "event", ["BILLING_DELETED", "METHOD_UPDATED", "payout.changed", "TOMORROWS_EVENT"]
    )
    async def test_about_something_else_is_acknowledged(self, toss: TossShop, event: str) -> None:
        order_id, key = await self.paid(toss)
        assert await toss.told(key, event=event) == 200
        assert toss.inbox(order_id) == []

    async def test_for_an_order_that_is_not_ours_leaves_nothing(self, toss: TossShop) -> None:
        assert await toss.told("tgen_nobodys", orderId="ord_ffffffffffffffff") == 200
        assert await toss.told("tgen_nobodys", orderId="theirs-1") == 200
        left = "select * from coinslot.webhooks where payment_key = 'tgen_nobodys'"
        assert toss.select(left) == []
