"""Refunds that a gateway is at for days, and those of which its answer tells nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.checkouts import Checkout
from tests.support.gateways import PORTONE_V2, STRIPE, TOSS

if TYPE_CHECKING:
    from tests.support.refund_desks import RefundDesk

SLOW = (TOSS, STRIPE, PORTONE_V2)


async def bought_to_be_slow(checkout: Checkout) -> tuple[str, str]:
    """An order whose refund the gateway takes on, and is not done with at once."""
    if checkout.driver is not STRIPE:
        order_id, key = await checkout.bought()
        if checkout.driver is PORTONE_V2:
            await checkout.shop.play("settings", "PUT", cancels="requested")
        else:
            await checkout.shop.play(f"payments/{key}", "PATCH", cancellation={"pending": True})
        return order_id, key
    order_id = await checkout.order()
    key = await checkout.shop.pay(order_id, method="pm_card_pendingRefund")
    assert await checkout.come_back(order_id, key) == 200
    await checkout.shop.until(lambda: checkout.shop.row(order_id)["status"] == "completed")
    return order_id, key


async def end(checkout: Checkout, key: str, outcome: str) -> None:
    if checkout.driver is PORTONE_V2:
        await checkout.shop.play("settle_refund", payment_key=key, outcome=outcome)
        await checkout.shop.play("settings", "PUT", cancels="succeeded")
    else:
        await checkout.shop.play("refund_status", payment_key=key, status=outcome)


@pytest.mark.parametrize("gateway", SLOW, ids=lambda each: each.name, indirect=True, scope="module")
class TestPending:
    @pytest.mark.parametrize("outcome", ["succeeded", "failed"])
    async def test_ends_as_the_gateway_says(self, refund_desk: RefundDesk, outcome: str) -> None:
        """Its tokens are aside all the while; a second refund has to wait."""
        order_id, key = await bought_to_be_slow(refund_desk.checkout)
        answer = await refund_desk.refund(order_id)
        assert (answer.status_code, answer.json()["refund"]["status"]) == (202, "pending")
        assert await refund_desk.shop.tokens() == 5
        assert (await refund_desk.refund(order_id)).json()["code"] == "refund_in_progress"
        await refund_desk.reconcile()
        assert [status for status, _ in refund_desk.refunds(order_id)] == ["pending"]
        await end(refund_desk.checkout, key, outcome)
        await refund_desk.settled(order_id)
        assert [status for status, _ in refund_desk.refunds(order_id)] == [outcome]
        assert await refund_desk.shop.tokens() == (5 if outcome == "succeeded" else 15)


@pytest.mark.parametrize(
    "gateway", [TOSS], ids=lambda each: each.name, indirect=True, scope="module"
)
class TestTransferThatFailed:
    """Of a deposit: Toss has taken the money out of the payment, and it has not arrived."""

    async def begun(self, refund_desk: RefundDesk, how: str = "failed") -> tuple[str, str]:
        """A refund whose transfer has failed; the order, and its payment key."""
        shop = refund_desk.checkout.shop
        order_id = await refund_desk.checkout.order()
        key = await shop.pay(order_id, outcome="awaiting_deposit")
        await refund_desk.checkout.come_back(order_id, key)
        await shop.play("deposit", payment_key=key)
        await refund_desk.checkout.tell(order_id, key)
        await shop.until(lambda: shop.row(order_id)["status"] == "completed")
        await shop.play(f"payments/{key}", "PATCH", cancellation={"pending": True})
        account = {"bank": "20", "accountNumber": "1000123456789", "holder": "Hong Gildong"}
        assert (await refund_desk.refund(order_id, account=account)).status_code == 202
        await end(refund_desk.checkout, key, how)
        return order_id, key

    async def test_has_failed_once_the_balance_has_the_money_again(
        self, refund_desk: RefundDesk
    ) -> None:
        order_id, key = await self.begun(refund_desk, "returned")
        await refund_desk.settled(order_id)
        assert (refund_desk.refunds(order_id), await refund_desk.shop.tokens()) == (
            [("failed", 5000)],
            15,
        )
        account = {"bank": "20", "accountNumber": "1000123456789", "holder": "Hong Gildong"}
        await refund_desk.shop.play(f"payments/{key}", "PATCH", cancellation={})
        assert (await refund_desk.refund(order_id, account=account)).status_code == 200
        assert refund_desk.refunds(order_id) == [("failed", 5000), ("succeeded", 5000)]
        assert await refund_desk.shop.tokens() == 5

    async def test_stays_pending_until_it_is_made_again(self, refund_desk: RefundDesk) -> None:
        order_id, key = await self.begun(refund_desk)
        await refund_desk.reconcile()
        assert refund_desk.refunds(order_id) == [("pending", 5000)]
        assert (await refund_desk.refund(order_id)).json()["code"] == "refund_in_progress"
        assert await refund_desk.shop.tokens() == 5
        await end(refund_desk.checkout, key, "succeeded")
        await refund_desk.settled(order_id)
        assert refund_desk.refunds(order_id) == [("succeeded", 5000)]
        assert await refund_desk.shop.tokens() == 5

    async def test_given_up_and_made_again_after_all(self, refund_desk: RefundDesk) -> None:
        """The tokens are free, and follow the money when it goes."""
        order_id, key = await self.begun(refund_desk)
        [(refund,)] = refund_desk.shop.select(
            "select id::text from coinslot.refunds where order_id = %s", order_id
        )
        await refund_desk.shop.rpc(
            "coinslot_close_refund", refund_id=refund, reason="the account is closed"
        )
        assert (refund_desk.refunds(order_id), await refund_desk.shop.tokens()) == (
            [("failed", 5000)],
            15,
        )
        assert (await refund_desk.refund(order_id)).json()["code"] == "refund_in_progress"
        await end(refund_desk.checkout, key, "succeeded")
        await refund_desk.checkout.tell(order_id, key, paid=False)
        await refund_desk.shop.until(lambda: refund_desk.refunds(order_id) == [("succeeded", 5000)])
        assert await refund_desk.shop.tokens() == 5


@pytest.mark.parametrize(
    "gateway", [TOSS], ids=lambda each: each.name, indirect=True, scope="module"
)
class TestStoredError:
    @pytest.mark.parametrize("taken", [True, False])
    async def test_key_that_can_only_repeat_it_is_not_used_again(
        self, refund_desk: RefundDesk, taken: bool
    ) -> None:
        """The money goes back once, before the error or after it."""
        order_id, key = await refund_desk.checkout.bought()
        error = {"code": "FAILED_REFUND_PROCESS", "taken": taken}
        await refund_desk.shop.play(f"payments/{key}", "PATCH", cancellation=error)
        assert (await refund_desk.refund(order_id, amount=refund_desk.part)).status_code in {
            200,
            202,
        }
        await refund_desk.settled(order_id)
        assert refund_desk.refunds(order_id) == [("succeeded", refund_desk.part)]
        assert await refund_desk.checkout.returned(key) == refund_desk.part
        tries = refund_desk.shop.select(
            "select tries from coinslot.refunds where order_id = %s", order_id
        )
        assert tries == [(1 if taken else 2,)]
