"""Stripe's webhooks against the running stack: however they come, credited once or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.support.servers import answer_to_too_much
from tests.support.stripes import signed

if TYPE_CHECKING:
    from tests.support.stripe_shop import StripeShop


async def post(shop: StripeShop, event: dict[str, Any]) -> int:
    body = json.dumps({"object": "event", **event}).encode()
    answer = await shop.http.post(
        f"{shop.sidecar}/payment/stripe/webhook",
        content=body,
        headers=signed(body, "whsec_sandbox"),
    )
    return answer.status_code


class TestOnce:
    async def test_same_event_many_times(self, stripe_shop: StripeShop) -> None:
        order_id = await stripe_shop.order()
        key = await stripe_shop.pay(order_id)
        for _ in range(3):
            assert await stripe_shop.deliver(key) == [200]
        assert len(await stripe_shop.followed(order_id)) == 1
        assert (await stripe_shop.tokens(), stripe_shop.purchases()) == (15, 1)

    async def test_racing_deliveries(self, stripe_shop: StripeShop) -> None:
        order_id = await stripe_shop.order()
        key = await stripe_shop.pay(order_id)
        assert await stripe_shop.deliver(key, times=50) == [200] * 50
        assert len(await stripe_shop.followed(order_id)) == 1
        assert (await stripe_shop.tokens(), stripe_shop.purchases()) == (15, 1)

    async def test_distinct_events_about_one_change(self, stripe_shop: StripeShop) -> None:
        order_id = await stripe_shop.order()
        key = await stripe_shop.pay(order_id)
        assert await stripe_shop.deliver(key, times=10, distinct=True) == [200] * 10
        outcomes = await stripe_shop.followed(order_id)
        # Those that were there when the read began share it, and its outcome.
        assert len(outcomes) == 10
        assert "credited" in outcomes
        assert set(outcomes) <= {"credited", "unchanged"}
        assert (await stripe_shop.tokens(), stripe_shop.purchases()) == (15, 1)

    async def test_late_events_of_what_is_over(self, stripe_shop: StripeShop) -> None:
        """The decline that came first and the success arrive after the refund."""
        order_id = await stripe_shop.order()
        key = await stripe_shop.pay(order_id, method="4000000000000002")
        await stripe_shop.pay(order_id, webhook="beside")
        await stripe_shop.becomes(order_id, "completed")
        await stripe_shop.play("refund", payment_key=key)
        await stripe_shop.becomes(order_id, "refunded")
        late = ["payment_intent.payment_failed", "payment_intent.succeeded"]
        assert await stripe_shop.deliver(key, types=late, distinct=True) == [200, 200]
        await stripe_shop.followed(order_id)
        assert (stripe_shop.row(order_id)["status"], await stripe_shop.tokens()) == ("refunded", 5)

    async def test_reordered_events(self, stripe_shop: StripeShop) -> None:
        """The later event is told first, and names only the payment."""
        order_id = await stripe_shop.order()
        await stripe_shop.play("settings", "PUT", enabled=False)
        key = await stripe_shop.pay(order_id)
        await stripe_shop.play("dispute", payment_key=key, status="needs_response")
        await stripe_shop.play("settings", "PUT", enabled=True)
        kinds = ["charge.dispute.created", "payment_intent.succeeded", "payment_intent.created"]
        assert await stripe_shop.deliver(key, types=kinds) == [200] * 3
        await stripe_shop.becomes(order_id, "disputed")
        await stripe_shop.followed(order_id)
        assert (await stripe_shop.tokens(), stripe_shop.purchases()) == (5, 1)


class TestMetadata:
    @pytest.mark.parametrize("named", ["SHOP-2026-118", "x" * 65, "ord_ffffffffffffffff"])
    async def test_refund_with_an_order_id_of_its_own_is_still_seen(
        self, stripe_shop: StripeShop, named: str
    ) -> None:
        order_id, key = await stripe_shop.bought()
        await stripe_shop.play("settings", "PUT", enabled=False)
        try:
            await stripe_shop.play("refund", payment_key=key)
        finally:
            await stripe_shop.play("settings", "PUT", enabled=True)
        refund = {"object": "refund", "payment_intent": key, "metadata": {"order_id": named}}
        event = {"id": f"evt_{uuid4().hex}", "type": "refund.created", "data": {"object": refund}}
        assert await post(stripe_shop, event) == 200
        await stripe_shop.becomes(order_id, "refunded")
        assert await stripe_shop.tokens() == 5


class TestRefused:
    @pytest.mark.parametrize(
        "how",
        [
            {"secret": "whsec_another"},
            {"fields": {"type": "payment_intent.canceled"}},
            {"truncate": 1},
            {"truncate": 400},
            {"age_s": 301},
            {"age_s": 86_400},
            {"age_s": -302},
        ],
    )
    async def test_forged_truncated_or_out_of_time(
        self, stripe_shop: StripeShop, how: dict[str, Any]
    ) -> None:
        order_id = await stripe_shop.order()
        key = await stripe_shop.pay(order_id)
        assert await stripe_shop.deliver(key, **how) == [401]
        assert stripe_shop.inbox(order_id) == []
        assert (stripe_shop.row(order_id)["status"], await stripe_shop.tokens()) == ("pending", 5)

    async def test_unsigned(self, stripe_shop: StripeShop) -> None:
        url = f"{stripe_shop.sidecar}/payment/stripe/webhook"
        assert (await stripe_shop.http.post(url, json={})).status_code == 401

    async def test_body_of_a_megabyte(self, stripe_shop: StripeShop) -> None:
        body = b" " * 1_000_000
        answer = await answer_to_too_much(
            lambda: stripe_shop.http.post(
                f"{stripe_shop.sidecar}/payment/stripe/webhook", content=body, headers=signed(body)
            )
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")

    async def test_while_a_secret_is_rolled_both_signatures_come(
        self, stripe_shop: StripeShop
    ) -> None:
        order_id = await stripe_shop.order()
        key = await stripe_shop.pay(order_id)
        await stripe_shop.play("settings", "PUT", secrets=["whsec_new", "whsec_sandbox"])
        try:
            assert await stripe_shop.deliver(key) == [200]
        finally:
            await stripe_shop.play("settings", "PUT", secrets=["whsec_sandbox"])
        await stripe_shop.becomes(order_id, "completed")

    async def test_other_api_version_is_let_in(self, stripe_shop: StripeShop) -> None:
        order_id = await stripe_shop.order()
        key = await stripe_shop.pay(order_id)
        events = await self.events(stripe_shop)
        event = next(each for each in events if each["data"]["object"]["id"] == key)
        old = await post(stripe_shop, {**event, "id": "evt_old", "api_version": "2019-05-16"})
        assert old == 200
        await stripe_shop.becomes(order_id, "completed")

    async def test_event_of_no_interest_is_acknowledged(self, stripe_shop: StripeShop) -> None:
        event = {"id": "evt_x", "type": "customer.created", "data": {"object": {"id": "cus_1"}}}
        assert await post(stripe_shop, event) == 200
        assert stripe_shop.select(
            "select count(*) from coinslot.webhooks where event_id = 'evt_x'"
        ) == [(0,)]

    async def events(self, shop: StripeShop) -> list[dict[str, Any]]:
        answer = await shop.http.get(
            f"{shop.stripe_url}/v1/events?type=payment_intent.succeeded&limit=100",
            headers={"Authorization": "Bearer sk_test_sandbox"},
        )
        return list(answer.json()["data"])


class TestNothingBought:
    async def test_live_payment_buys_nothing_in_test_mode(self, stripe_shop: StripeShop) -> None:
        order_id = await stripe_shop.order()
        key = await stripe_shop.pay(order_id, live=True)
        assert await stripe_shop.deliver(key) == [200]
        await stripe_shop.becomes(order_id, "review")
        assert await stripe_shop.tokens() == 5
        assert stripe_shop.discrepancies(order_id) == ["wrong_mode"]

    @pytest.mark.parametrize(
        ("turn", "problem"),
        [
            ({"amount": 100}, "wrong_amount"),
            ({"amount": 400, "currency": "eur"}, "wrong_currency"),
        ],
    )
    async def test_other_intent_that_names_the_order(
        self, stripe_shop: StripeShop, turn: dict[str, Any], problem: str
    ) -> None:
        order_id = await stripe_shop.order()
        key = await stripe_shop.pay(order_id, force=True, **turn)
        assert await stripe_shop.deliver(key) == [200]
        await stripe_shop.becomes(order_id, "review")
        assert (await stripe_shop.tokens(), stripe_shop.discrepancies(order_id)) == (5, [problem])

    async def test_second_payment_of_an_order_is_left_for_a_person(
        self, stripe_shop: StripeShop
    ) -> None:
        order_id, _ = await stripe_shop.bought()
        second = await stripe_shop.pay(order_id, force=True, amount=400)
        assert await stripe_shop.deliver(second) == [200]
        await stripe_shop.followed(order_id)
        assert (await stripe_shop.tokens(), stripe_shop.purchases()) == (15, 1)
        assert stripe_shop.discrepancies(order_id) == ["duplicate_payment"]

    async def test_intent_whose_metadata_was_changed_to_another_order(
        self, stripe_shop: StripeShop
    ) -> None:
        paid, key = await stripe_shop.bought()
        other = await stripe_shop.order()
        await stripe_shop.play(f"payments/{key}", "PATCH", metadata={"order_id": other})
        await stripe_shop.play("refund", payment_key=key)
        await stripe_shop.followed(paid)
        await stripe_shop.followed(other)
        assert stripe_shop.row(other)["status"] == "pending"
        assert stripe_shop.purchases() == 1

    async def test_intent_of_no_order_of_ours(self, stripe_shop: StripeShop) -> None:
        for order_id in ("ord_ffffffffffffffff", "another-shops-42", ""):
            key = await stripe_shop.pay(order_id, force=True, amount=400)
            assert await stripe_shop.deliver(key) == [200]
        assert await stripe_shop.tokens() == 5

    async def test_order_of_another_gateway(self, stripe_shop: StripeShop) -> None:
        portone = await stripe_shop.http.post(
            f"{stripe_shop.sidecar}/api/payments/checkout",
            json={"packageId": "starter"},
            headers=stripe_shop.jwt,
        )
        order_id = portone.json()["orderId"]
        key = await stripe_shop.pay(order_id, force=True, amount=5000, currency="krw")
        assert await stripe_shop.deliver(key) == [200]
        await stripe_shop.becomes(order_id, "review")
        assert await stripe_shop.tokens() == 5
        assert stripe_shop.discrepancies(order_id) == ["wrong_gateway"]

    async def test_success_that_is_not_to_be_seen_yet_is_read_again(
        self, stripe_shop: StripeShop
    ) -> None:
        order_id = await stripe_shop.order()
        key = await stripe_shop.pay(order_id)
        unseen = {"status": "processing", "amount_received": 0}
        await stripe_shop.play(f"payments/{key}", "PATCH", **unseen)
        assert await stripe_shop.deliver(key) == [200]
        await stripe_shop.until(lambda: stripe_shop.inbox(order_id) == [("not_yet", True)])
        seen = {"status": "succeeded", "amount_received": 400}
        await stripe_shop.play(f"payments/{key}", "PATCH", **seen)
        await stripe_shop.becomes(order_id, "completed")
        assert (await stripe_shop.tokens(), stripe_shop.purchases()) == (15, 1)
