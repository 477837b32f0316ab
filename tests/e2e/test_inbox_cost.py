"""Webhooks that are delivered: how little they ask of the database and of the gateway."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.e2e.inbox_harness import Harness, inbox_harness, new_id, paid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.shop import Shop


@pytest_asyncio.fixture
async def harness(shop: Shop) -> AsyncIterator[Harness]:
    async with inbox_harness(shop) as harness:
        yield harness


class TestCost:
    async def test_delivery_costs_one_read_and_two_round_trips(
        self, shop: Shop, harness: Harness
    ) -> None:
        for event_id in (None, new_id()):
            order_id, imp_uid = await paid(shop)
            harness.forget()
            assert await harness.deliver(order_id, imp_uid, event_id) == "read"
            assert await shop.followed(order_id) == ["credited"]
            rpcs = [call.rpartition("/")[2] for call in harness.database.calls]
            assert rpcs == ["coinslot_store_webhook", "coinslot_apply_gateway_payment"]
            assert harness.gateway.calls == [f"GET /portone-v1/payments/{imp_uid}"]

    async def test_duplicate_of_a_signed_event_costs_one_round_trip_and_no_read(
        self, shop: Shop, harness: Harness
    ) -> None:
        (order_id, imp_uid), event_id = await paid(shop), new_id()
        await harness.deliver(order_id, imp_uid, event_id)
        await shop.followed(order_id)
        harness.forget()
        assert await harness.deliver(order_id, imp_uid, event_id) == "duplicate"
        assert harness.database.calls == ["POST /rest/v1/rpc/coinslot_store_webhook"]
        assert (harness.gateway.calls, len(shop.inbox(order_id))) == ([], 1)

    async def test_fifty_signed_events_of_one_payment_share_their_reads(
        self, shop: Shop, harness: Harness
    ) -> None:
        order_id, imp_uid = await paid(shop)
        await asyncio.gather(*(harness.deliver(order_id, imp_uid, new_id()) for _ in range(50)))
        outcomes = await shop.followed(order_id)
        # Those that share the read that credits are all `credited`, and it credits once.
        assert (set(outcomes) <= {"credited", "unchanged"}, len(outcomes)) == (True, 50)
        assert harness.gateway.called(imp_uid) < 25
        assert (await shop.tokens(), shop.purchases()) == (15, 1)

    async def test_flood_of_unsigned_hints_causes_few_reads_and_misses_no_fact(
        self, shop: Shop, harness: Harness
    ) -> None:
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id, outcome="abandoned")
        began = time.monotonic()
        flood = [asyncio.create_task(harness.deliver(order_id, imp_uid)) for _ in range(199)]
        await shop.until(lambda: harness.gateway.called(imp_uid) > 0)
        await shop.play(f"payments/{imp_uid}", "PATCH", status="paid", paid_at=1)
        verdicts = [*await asyncio.gather(*flood), await harness.deliver(order_id, imp_uid)]
        most = 1 + (time.monotonic() - began) / 3
        reads = verdicts.count("read")
        assert 1 <= reads <= most
        assert verdicts.count("scheduled") == 200 - reads
        # A hint that came while the money was being read is followed by one more read.
        assert await shop.followed(order_id) in (["credited"], ["unchanged"])
        assert (await shop.tokens(), shop.purchases()) == (15, 1)
        assert harness.gateway.called(imp_uid) <= 2 + (time.monotonic() - began) / 3

    @pytest.mark.parametrize(
        ("order_id", "imp_uid", "round_trips"),
        [
            ("topup_of_another_shop", "imp_1", 0),
            ("ord_0123456789ab'--", "imp_1", 0),
            ("ord_0123456789ab", "../users/getToken", 0),
            ("ord_eeeeeeeeeeeeeeee", "imp_1", 1),  # no other test sends one of it
        ],
    )
    async def test_unsigned_hint_that_cannot_be_ours_leaves_nothing(
        self, shop: Shop, harness: Harness, order_id: str, imp_uid: str, round_trips: int
    ) -> None:
        assert await harness.deliver(order_id, imp_uid) == "unknown_order"
        assert (len(harness.database.calls), harness.gateway.calls) == (round_trips, [])
        assert shop.inbox(order_id) == []

    async def test_no_more_are_followed_at_a_time_than_is_set(self, shop: Shop) -> None:
        async with inbox_harness(shop, coinslot_inbox_concurrency=2) as harness:
            orders = [await paid(shop) for _ in range(6)]
            await shop.play("faults", "PUT", kind="delay", delay_s=0.1, next=6)
            await asyncio.gather(*(harness.deliver(*order, new_id()) for order in orders))
            for order_id, _ in orders:
                assert await shop.followed(order_id) == ["credited"]
            assert harness.gateway.most_at_once == 2
        assert await shop.tokens() == 5 + 60

    async def test_more_than_a_process_can_hold_are_left_to_the_sweep(self, shop: Shop) -> None:
        order_id, imp_uid = await paid(shop)
        async with inbox_harness(shop, coinslot_inbox_concurrency=1) as harness:
            harness.gateway.held = imp_uid
            verdicts = [await harness.deliver(order_id, imp_uid, new_id()) for _ in range(40)]
            assert verdicts == ["read"] * 32 + ["scheduled"] * 8
            async with inbox_harness(shop) as another:
                await another.inbox.work_off()
            # While this process is still at its first.
            await shop.until(lambda: shop.inbox(order_id).count(("received", True)) == 32)
            harness.gateway.held = None
        outcomes = await shop.followed(order_id)
        assert (set(outcomes), len(outcomes)) == ({"credited", "unchanged"}, 40)
        assert (await shop.tokens(), shop.purchases()) == (15, 1)
