"""A webhook between its arrival and its verdict: nothing gets lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import pytest_asyncio

from coinslot.errors import DatabaseUnavailable, GatewayOff, InvalidSignature
from tests.e2e.inbox_harness import Harness, inbox_harness, new_id, paid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.shop import Shop


@pytest_asyncio.fixture
async def harness(shop: Shop) -> AsyncIterator[Harness]:
    async with inbox_harness(shop) as harness:
        yield harness


class TestWhatItIsAbout:
    async def test_payment_that_is_known_is_enough(self, shop: Shop, harness: Harness) -> None:
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id, outcome="abandoned")
        await shop.complete(order_id, imp_uid)
        await shop.play(f"payments/{imp_uid}", "PATCH", status="paid", paid_at=1)
        await harness.deliver(order_id, imp_uid, new_id(), names="payment")
        assert await shop.followed(order_id) == ["credited"]

    async def test_payment_that_is_new_and_names_no_order_is_not_stored(
        self, shop: Shop, harness: Harness
    ) -> None:
        """It may be another app's. What is ours is read with its order."""
        (order_id, imp_uid), event_id = await paid(shop), new_id()
        verdict = await harness.deliver(order_id, imp_uid, event_id, names="payment")
        assert (verdict, shop.inbox(order_id)) == ("unknown_order", [])
        await harness.deliver(order_id, imp_uid, new_id(), names="order")
        assert await shop.followed(order_id) == ["credited"]

    async def test_order_alone_is_enough(self, shop: Shop, harness: Harness) -> None:
        order_id, imp_uid = await paid(shop)
        await harness.deliver(order_id, imp_uid, new_id(), names="order")
        assert await shop.followed(order_id) == ["credited"]
        assert harness.gateway.calls == [f"GET /portone-v1/payments/findAll/{order_id}"]

    async def test_payment_of_another_order_is_refused(self, shop: Shop, harness: Harness) -> None:
        order_id, (_, imp_uid) = await shop.order(), await paid(shop)
        await harness.deliver(order_id, imp_uid, new_id())
        assert await shop.followed(order_id) == ["refused"]
        assert (shop.events(order_id), await shop.tokens()) == (["wrong_order"], 5)

    @pytest.mark.parametrize("signed", [False, True])
    async def test_payment_that_the_gateway_shows_late_is_credited_then(
        self, shop: Shop, harness: Harness, signed: bool
    ) -> None:
        order_id, imp_uid = await paid(shop)
        harness.portone.late_reads = 1
        await harness.deliver(order_id, imp_uid, new_id() if signed else None)
        await shop.until(lambda: shop.inbox(order_id) == [("not_yet", True)])
        assert shop.events(order_id) == []
        assert await shop.followed(order_id) == ["credited"]
        assert (await shop.tokens(), shop.purchases()) == (15, 1)

    async def test_money_for_an_order_that_is_unknown_is_kept_for_a_person(
        self, shop: Shop, harness: Harness
    ) -> None:
        order_id, event_id = f"ord_{uuid4().hex[:20]}", new_id()
        imp_uid = await shop.pay(order_id, amount=5000, force=True)
        await harness.deliver(order_id, imp_uid, event_id)
        await shop.until(lambda: outcome(shop, event_id) == "unknown_order")
        assert shop.discrepancies(order_id) == ["unknown_order"]

    async def test_claim_of_money_for_an_order_that_is_unknown_is_read_again(
        self, shop: Shop, harness: Harness
    ) -> None:
        order_id, event_id = f"ord_{uuid4().hex[:20]}", new_id()
        imp_uid = await shop.pay(order_id, amount=5000, force=True, outcome="abandoned")
        await harness.deliver(order_id, imp_uid, event_id)
        await shop.until(lambda: outcome(shop, event_id) == "not_yet")
        await shop.play(f"payments/{imp_uid}", "PATCH", status="paid", paid_at=1)
        await shop.until(lambda: outcome(shop, event_id) == "unknown_order")
        assert shop.discrepancies(order_id) == ["unknown_order"]

    async def test_payment_of_another_shop_at_the_same_gateway_is_not_ours(
        self, shop: Shop, harness: Harness
    ) -> None:
        imp_uid = await shop.pay("topup_1", amount=5000, force=True)
        assert await harness.deliver("topup_1", imp_uid, new_id()) == "unknown_order"
        assert (shop.inbox("topup_1"), shop.discrepancies("topup_1")) == ([], [])

    async def test_event_of_no_interest_is_acknowledged(self, harness: Harness) -> None:
        verdict = await harness.deliver("ord_0123456789ab", "imp_1", new_id(), "of no interest")
        assert (verdict, harness.database.calls) == ("ignored", [])

    async def test_signature_that_is_not_good_leaves_nothing(
        self, shop: Shop, harness: Harness
    ) -> None:
        order_id, imp_uid = await paid(shop)
        with pytest.raises(InvalidSignature):
            await harness.deliver(order_id, imp_uid, new_id(), signature="forged")
        assert (harness.database.calls, shop.inbox(order_id)) == ([], [])

    async def test_gateway_that_is_off_takes_none(self, harness: Harness) -> None:
        with pytest.raises(GatewayOff):
            await harness.inbox.take("paypal", {}, b"{}")


class TestTrouble:
    async def test_database_that_is_away_makes_the_gateway_send_again(
        self, shop: Shop, harness: Harness
    ) -> None:
        order_id, imp_uid = await paid(shop)
        harness.database.down = True
        with pytest.raises(DatabaseUnavailable):
            await harness.deliver(order_id, imp_uid)
        harness.database.down = False
        await harness.deliver(order_id, imp_uid)
        assert await shop.followed(order_id) == ["credited"]

    async def test_database_that_goes_away_after_the_answer_loses_nothing(
        self, shop: Shop, harness: Harness
    ) -> None:
        order_id, imp_uid = await paid(shop)
        harness.gateway.held = imp_uid
        await harness.deliver(order_id, imp_uid, new_id())
        harness.database.down, harness.gateway.held = True, None
        # A call that finds it away is made three times.
        await shop.until(lambda: harness.database.called("apply") == 3)
        harness.database.down = False
        assert shop.inbox(order_id) == [("received", True)]
        lease_is_over(shop, order_id)
        assert await shop.followed(order_id) == ["credited"]

    async def test_gateway_that_is_down_is_asked_again(self, shop: Shop, harness: Harness) -> None:
        order_id, imp_uid = await paid(shop)
        harness.gateway.down = True
        await harness.deliver(order_id, imp_uid, new_id())
        await shop.until(lambda: shop.inbox(order_id) == [("failed", True)])
        assert await shop.followed(order_id) == ["credited"]

    async def test_read_that_another_overtook_is_made_again(
        self, shop: Shop, harness: Harness
    ) -> None:
        order_id, imp_uid = await paid(shop)
        harness.database.held = "coinslot_apply_gateway_payment"
        await harness.deliver(order_id, imp_uid, new_id())
        await shop.until(lambda: harness.database.called("apply") > 0)
        await shop.play("refund", payment_key=imp_uid)
        assert (await shop.complete(order_id, imp_uid)).json()["code"] == "payment_refunded"
        harness.database.held = None
        # The refund's own webhook may come to the stack's server before the buyer comes back.
        assert set(await shop.followed(order_id)) <= {"credited", "unchanged"}
        assert harness.gateway.called(imp_uid) == 2
        assert (await shop.tokens(), shop.row(order_id)["status"]) == (5, "refunded")

    async def test_what_has_begun_is_finished_before_the_process_ends(self, shop: Shop) -> None:
        order_id, imp_uid = await paid(shop)
        async with inbox_harness(shop) as harness:
            await shop.play("faults", "PUT", kind="delay", delay_s=0.5, next=1, path=imp_uid)
            await harness.deliver(order_id, imp_uid, new_id())
        assert shop.inbox(order_id) == [("credited", False)]

    async def test_two_processes_share_the_work_that_is_due(self, shop: Shop) -> None:
        orders = [await paid(shop) for _ in range(8)]
        async with inbox_harness(shop) as first, inbox_harness(shop) as second:
            for order in orders:
                first.gateway.down = True
                await first.deliver(*order, new_id())
            # On a slow machine the stack has read the first ones again by the time the last fail.
            await shop.until(
                lambda: (
                    shop.select(
                        "select bool_and(outcome = 'failed' or attempts > 1) from coinslot.webhooks"
                        " where order_id = any(%s)",
                        [order_id for order_id, _ in orders],
                    )
                    == [(True,)]
                )
            )
            first.gateway.down = False
            for order_id, _ in orders:
                lease_is_over(shop, order_id)
            await asyncio.gather(first.inbox.work_off(), second.inbox.work_off())
            for order_id, _ in orders:
                await shop.followed(order_id)
        attempts = shop.select(
            "select attempts from coinslot.webhooks where order_id = any(%s)",
            [o for o, _ in orders],
        )
        # One that failed, and one by exactly one of the processes (the stack's sweeps, too).
        assert attempts == [(2,)] * 8
        assert (await shop.tokens(), shop.purchases()) == (5 + 80, 8)


def lease_is_over(shop: Shop, order_id: str) -> None:
    shop.select(
        "update coinslot.webhooks set next_attempt_at = now() "
        "where order_id = %s and next_attempt_at is not null returning 1",
        order_id,
    )


def outcome(shop: Shop, event_id: str) -> str:
    found = shop.select("select outcome from coinslot.webhooks where event_id = %s", event_id)
    return str(found[0][0])
