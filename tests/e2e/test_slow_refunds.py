"""Refunds that a gateway is at for days, and those of which its answer tells nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.counters import V2, Counter, Stripe, Toss

if TYPE_CHECKING:
    from tests.support.office import Office

SLOW = (Toss, Stripe, V2)


async def bought_to_be_slow(counter: Counter) -> tuple[str, str]:
    """An order whose refund the gateway takes on, and is not done with at once."""
    if not isinstance(counter, Stripe):
        order_id, key = await counter.bought()
        if isinstance(counter, V2):
            await counter.shop.play("settings", "PUT", cancels="requested")
        else:
            await counter.shop.play(f"payments/{key}", "PATCH", cancellation={"pending": True})
        return order_id, key
    order_id = await counter.order()
    key = await counter.shop.pay(order_id, method="pm_card_pendingRefund")
    assert await counter.come_back(order_id, key) == 200
    await counter.shop.until(lambda: counter.shop.row(order_id)["status"] == "completed")
    return order_id, key


async def end(counter: Counter, key: str, outcome: str) -> None:
    if isinstance(counter, V2):
        await counter.shop.play("settle_refund", payment_key=key, outcome=outcome)
        await counter.shop.play("settings", "PUT", cancels="succeeded")
    else:
        await counter.shop.play("refund_status", payment_key=key, status=outcome)


@pytest.mark.parametrize("gateway", SLOW, ids=lambda each: each.NAME, indirect=True, scope="module")
class TestPending:
    @pytest.mark.parametrize("outcome", ["succeeded", "failed"])
    async def test_ends_as_the_gateway_says(self, office: Office, outcome: str) -> None:
        """Its tokens are aside all the while; a second refund has to wait."""
        order_id, key = await bought_to_be_slow(office.counter)
        answer = await office.refund(order_id)
        assert (answer.status_code, answer.json()["refund"]["status"]) == (202, "pending")
        assert await office.shop.tokens() == 5
        assert (await office.refund(order_id)).json()["code"] == "refund_in_progress"
        await office.reconcile()
        assert [status for status, _ in office.refunds(order_id)] == ["pending"]
        await end(office.counter, key, outcome)
        await office.settled(order_id)
        assert [status for status, _ in office.refunds(order_id)] == [outcome]
        assert await office.shop.tokens() == (5 if outcome == "succeeded" else 15)


@pytest.mark.parametrize(
    "gateway", [Toss], ids=lambda each: each.NAME, indirect=True, scope="module"
)
class TestTransferThatFailed:
    """Of a deposit: Toss has taken the money out of the payment, and it has not arrived."""

    async def begun(self, office: Office, how: str = "failed") -> tuple[str, str]:
        """A refund whose transfer has failed; the order, and its payment key."""
        shop = office.counter.shop
        order_id = await office.counter.order()
        key = await shop.pay(order_id, outcome="awaiting_deposit")
        await office.counter.come_back(order_id, key)
        await shop.play("deposit", payment_key=key)
        await office.counter.tell(order_id, key)
        await shop.until(lambda: shop.row(order_id)["status"] == "completed")
        await shop.play(f"payments/{key}", "PATCH", cancellation={"pending": True})
        account = {"bank": "20", "accountNumber": "1000123456789", "holder": "Hong Gildong"}
        assert (await office.refund(order_id, account=account)).status_code == 202
        await end(office.counter, key, how)
        return order_id, key

    async def test_has_failed_once_the_balance_has_the_money_again(self, office: Office) -> None:
        order_id, key = await self.begun(office, "returned")
        await office.settled(order_id)
        assert (office.refunds(order_id), await office.shop.tokens()) == ([("failed", 5000)], 15)
        account = {"bank": "20", "accountNumber": "1000123456789", "holder": "Hong Gildong"}
        await office.shop.play(f"payments/{key}", "PATCH", cancellation={})
        assert (await office.refund(order_id, account=account)).status_code == 200
        assert office.refunds(order_id) == [("failed", 5000), ("succeeded", 5000)]
        assert await office.shop.tokens() == 5

    async def test_stays_pending_until_it_is_made_again(self, office: Office) -> None:
        order_id, key = await self.begun(office)
        await office.reconcile()
        assert office.refunds(order_id) == [("pending", 5000)]
        assert (await office.refund(order_id)).json()["code"] == "refund_in_progress"
        assert await office.shop.tokens() == 5
        await end(office.counter, key, "succeeded")
        await office.settled(order_id)
        assert office.refunds(order_id) == [("succeeded", 5000)]
        assert await office.shop.tokens() == 5

    async def test_given_up_and_made_again_after_all(self, office: Office) -> None:
        """The tokens are free, and follow the money when it goes."""
        order_id, key = await self.begun(office)
        [(refund,)] = office.shop.select(
            "select id::text from coinslot.refunds where order_id = %s", order_id
        )
        await office.shop.rpc("close_refund", refund_id=refund, reason="the account is closed")
        assert (office.refunds(order_id), await office.shop.tokens()) == ([("failed", 5000)], 15)
        assert (await office.refund(order_id)).json()["code"] == "refund_in_progress"
        await end(office.counter, key, "succeeded")
        await office.counter.tell(order_id, key, paid=False)
        await office.shop.until(lambda: office.refunds(order_id) == [("succeeded", 5000)])
        assert await office.shop.tokens() == 5


@pytest.mark.parametrize(
    "gateway", [Toss], ids=lambda each: each.NAME, indirect=True, scope="module"
)
class TestStoredError:
    @pytest.mark.parametrize("taken", [True, False])
    async def test_key_that_can_only_repeat_it_is_not_used_again(
        self, office: Office, taken: bool
    ) -> None:
        """Whether the money went back before the error or not: it goes back once."""
        order_id, key = await office.counter.bought()
        error = {"code": "FAILED_REFUND_PROCESS", "taken": taken}
        await office.shop.play(f"payments/{key}", "PATCH", cancellation=error)
        assert (await office.refund(order_id, amount=office.part)).status_code in {200, 202}
        await office.settled(order_id)
        assert office.refunds(order_id) == [("succeeded", office.part)]
        assert await office.counter.given_back(key) == office.part
        tries = office.shop.select(
            "select tries from coinslot.refunds where order_id = %s", order_id
        )
        assert tries == [(1 if taken else 2,)]
