"""The Stripe gateway against the simulator, over HTTP, through Stripe's own library."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from coinslot.errors import (
    GatewayTimeout,
    GatewayUnavailable,
    InvalidPaymentKey,
    PaymentUnknownAtGateway,
)
from coinslot.gateways.base import GatewayPayment, Order
from coinslot.server.error_answers import status_of
from tests.support.stripes import ORDER, PUBLISHABLE_KEY

if TYPE_CHECKING:
    from tests.support.stripes import SimulatedStripe

RETRIEVE = "/v1/payment_intents/"


async def read(sim: SimulatedStripe, key: str) -> GatewayPayment:
    async with sim.gateway() as gateway:
        return await gateway.read(ORDER.order_id, key)


class TestPrepare:
    async def test_makes_the_payment_intent_of_the_order(self, stripe_sim: SimulatedStripe) -> None:
        async with stripe_sim.gateway() as gateway:
            prepared = await gateway.prepare(ORDER)
        [intent] = stripe_sim.simulator.payments()
        assert prepared.browser == {
            "clientSecret": intent["client_secret"],
            "publishableKey": PUBLISHABLE_KEY,
        }
        assert prepared.attempt == GatewayPayment(
            ORDER.order_id, intent["id"], "ready", 1000, "USD", live=False
        )
        assert (intent["amount"], intent["currency"]) == (1000, "usd")
        assert intent["metadata"] == {"order_id": ORDER.order_id}
        assert intent["description"] == ORDER.name

    @pytest.mark.parametrize(
        ("amount", "currency", "sent"),
        [(11_000, "KRW", 11_000), (11_000, "ISK", 1_100_000), (5_120, "KWD", 5_120)],
    )
    async def test_amount_is_sent_in_stripes_units_and_read_in_ours(
        self, stripe_sim: SimulatedStripe, amount: int, currency: str, sent: int
    ) -> None:
        order = Order("ord_0123456789ab", "Pack", amount, currency)
        async with stripe_sim.gateway() as gateway:
            prepared = await gateway.prepare(order)
        assert [each["amount"] for each in stripe_sim.simulator.payments()] == [sent]
        assert prepared.attempt is not None
        assert (prepared.attempt.amount, prepared.attempt.currency) == (amount, currency)

    async def test_asked_again_gives_the_same_one_as_it_is_now(
        self, stripe_sim: SimulatedStripe
    ) -> None:
        async with stripe_sim.gateway() as gateway:
            first = await gateway.prepare(ORDER)
            await stripe_sim.pay(method="pm_card_visa_chargeDeclined")
            again = await gateway.prepare(ORDER)
        assert again.browser == first.browser
        assert again.attempt is not None
        assert again.attempt.failure_reason == "declined"
        assert len(stripe_sim.simulator.payments()) == 1

    @pytest.mark.parametrize("kind", ["drop_after", "malformed"])
    async def test_lost_answer_makes_no_second_one(
        self, stripe_sim: SimulatedStripe, kind: str
    ) -> None:
        async with stripe_sim.gateway() as gateway:
            # More often than the library tries by itself.
            await stripe_sim.fault(kind)
            with pytest.raises(GatewayUnavailable):
                await gateway.prepare(ORDER)
            await stripe_sim.control("PUT", "faults")
            prepared = await gateway.prepare(ORDER)
        [intent] = stripe_sim.simulator.payments()
        assert prepared.browser["clientSecret"] == intent["client_secret"]

    @pytest.mark.parametrize(("kind", "made"), [("error_before", 1), ("error_after", 3)])
    async def test_error_that_stripe_repeats_does_not_keep_the_buyer_from_paying(
        self, stripe_sim: SimulatedStripe, kind: str, made: int
    ) -> None:
        await stripe_sim.fault(kind, next=2)
        async with stripe_sim.gateway() as gateway:
            first, again = [await gateway.prepare(ORDER) for _ in range(2)]
        assert first.browser == again.browser
        intents = stripe_sim.simulator.payments()
        assert len(intents) == made
        assert first.browser["clientSecret"] in [each["client_secret"] for each in intents]

    async def test_error_that_stripe_repeats_for_ever(self, stripe_sim: SimulatedStripe) -> None:
        await stripe_sim.fault("error_before")
        async with stripe_sim.gateway() as gateway:
            with pytest.raises(GatewayUnavailable) as caught:
                await gateway.prepare(ORDER)
        assert caught.value.code == "gateway_unavailable"
        assert stripe_sim.simulator.payments() == []

    async def test_racing_calls_make_one(self, stripe_sim: SimulatedStripe) -> None:
        await stripe_sim.fault("delay", delay_s=0.2, next=1)
        async with stripe_sim.gateway() as gateway:
            both = await asyncio.gather(gateway.prepare(ORDER), gateway.prepare(ORDER))
        assert both[0].browser == both[1].browser
        assert len(stripe_sim.simulator.payments()) == 1


class TestRead:
    async def test_paid(self, stripe_sim: SimulatedStripe) -> None:
        key = await stripe_sim.paid()
        assert await read(stripe_sim, key) == GatewayPayment(
            ORDER.order_id, key, "paid", 1000, "USD", live=False, paid=1000, method="card"
        )

    @pytest.mark.parametrize(
        ("card", "reason"),
        [
            ("4000000000000002", "declined"),
            ("4000000000009995", "limit_or_balance"),
            ("4000000000009979", "declined"),
            ("4000000000000069", "expired_card"),
        ],
    )
    async def test_decline_is_an_attempt_and_no_end(
        self, stripe_sim: SimulatedStripe, card: str, reason: str
    ) -> None:
        key = await stripe_sim.paid(method=card)
        declined = await read(stripe_sim, key)
        assert (declined.state, declined.paid, declined.failure_reason) == ("ready", 0, reason)
        await stripe_sim.pay(payment_intent=key)
        paid = await read(stripe_sim, key)
        assert (paid.state, paid.paid, paid.failure_reason) == ("paid", 1000, None)

    async def test_live_payment_says_so(self, stripe_sim: SimulatedStripe) -> None:
        key = await stripe_sim.paid(live=True)
        assert (await read(stripe_sim, key)).live

    async def test_refunds_in_parts_and_one_that_fails(self, stripe_sim: SimulatedStripe) -> None:
        key = await stripe_sim.paid(method="pm_card_pendingRefund")
        for amount in (300, 200):
            await stripe_sim.control("POST", "refund", payment_key=key, amount=amount)
        seen = [await read(stripe_sim, key)]
        first, second = [each["id"] for each in stripe_sim.simulator.books.all("refund")]
        for refund, status in ((first, "succeeded"), (second, "failed")):
            await stripe_sim.control(
                "POST", "refund_status", payment_key=key, refund=refund, status=status
            )
            seen.append(await read(stripe_sim, key))
        assert [(each.refunded, each.refunding) for each in seen] == [
            (0, 500),
            (300, 200),
            (300, 0),
        ]

    async def test_more_refunds_than_come_with_the_charge(
        self, stripe_sim: SimulatedStripe
    ) -> None:
        key = await stripe_sim.paid(method="pm_card_pendingRefund")
        for _ in range(12):
            await stripe_sim.control("POST", "refund", payment_key=key, amount=10)
        first, second, *_ = [each["id"] for each in stripe_sim.simulator.books.all("refund")]
        for refund, status in ((first, "failed"), (second, "succeeded")):
            await stripe_sim.control(
                "POST", "refund_status", payment_key=key, refund=refund, status=status
            )
        found = await read(stripe_sim, key)
        assert (found.refunded, found.refunding) == (10, 100)

    async def test_dispute_until_it_is_won(self, stripe_sim: SimulatedStripe) -> None:
        key = await stripe_sim.paid(method="pm_card_createDispute")
        opened = await read(stripe_sim, key)
        assert (opened.disputed, opened.withdrawn) == (1000, 1000)
        await stripe_sim.control("POST", "dispute", payment_key=key, status="won")
        won = await read(stripe_sim, key)
        assert (won.disputed, won.withdrawn, won.paid) == (0, 0, 1000)

    async def test_inquiry_withdraws_nothing(self, stripe_sim: SimulatedStripe) -> None:
        key = await stripe_sim.paid()
        await stripe_sim.control(
            "POST", "dispute", payment_key=key, status="warning_needs_response"
        )
        asked = await read(stripe_sim, key)
        assert (asked.disputed, asked.withdrawn) == (1000, 0)

    async def test_disputed_charge_without_its_dispute_concludes_nothing(
        self, stripe_sim: SimulatedStripe
    ) -> None:
        key = await stripe_sim.paid()
        [charge] = stripe_sim.simulator.books.all("charge")
        stripe_sim.simulator.books.keep({**charge, "disputed": True})
        with pytest.raises(GatewayUnavailable) as caught:
            await read(stripe_sim, key)
        assert caught.value.code == "gateway_nonsense"

    async def test_unknown_payment(self, stripe_sim: SimulatedStripe) -> None:
        with pytest.raises(PaymentUnknownAtGateway):
            await read(stripe_sim, "pi_nope")

    async def test_order_alone_finds_nothing(self, stripe_sim: SimulatedStripe) -> None:
        async with stripe_sim.gateway() as gateway:
            with pytest.raises(PaymentUnknownAtGateway):
                await gateway.read(ORDER.order_id, None)

    @pytest.mark.parametrize(
        "key",
        [
            "",
            "pi_",
            "ch_1",
            "pi_1/../../events",
            "pi_1?x=1",
            "pi_1%2f",
            "pi_1\n",
            "pi_é",
            "pi_1_secret_2",
            "pi_" + "1" * 201,
        ],
    )
    async def test_key_that_is_none_is_refused_before_any_call(
        self, stripe_sim: SimulatedStripe, key: str
    ) -> None:
        # Any call would be an answer that makes no sense.
        await stripe_sim.fault("malformed")
        with pytest.raises(InvalidPaymentKey):
            await read(stripe_sim, key)

    @pytest.mark.parametrize(
        "changes",
        [
            {"id": "pi_another"},
            {"amount": -1},
            {"amount": "many"},
            {"amount": 2**53},
            {"currency": "wo"},
            {"status": None},
            {"livemode": None},
            {"currency": "isk", "amount": 150},
        ],
    )
    async def test_answer_that_makes_no_sense_is_no_answer(
        self, stripe_sim: SimulatedStripe, changes: dict[str, object]
    ) -> None:
        key = await stripe_sim.paid()
        found = {**stripe_sim.simulator.payments()[0], **changes}
        stripe_sim.simulator.store.put("payment_intent", key, found)
        with pytest.raises(GatewayUnavailable) as caught:
            await read(stripe_sim, key)
        assert caught.value.code == "gateway_nonsense"


class TestFaults:
    @pytest.mark.parametrize(
        "kind", ["error_before", "error_after", "drop_after", "malformed", "html", "rate_limit"]
    )
    async def test_no_answer_says_nothing_about_the_payment(
        self, stripe_sim: SimulatedStripe, kind: str
    ) -> None:
        key = await stripe_sim.paid()
        # Twice: the library asks a second time by itself.
        await stripe_sim.fault(kind, next=2, path=RETRIEVE)
        async with stripe_sim.gateway() as gateway:
            with pytest.raises(GatewayUnavailable) as caught:
                await gateway.read(None, key)
            assert status_of(caught.value) == 502
            await stripe_sim.control("PUT", "faults")
            assert (await gateway.read(None, key)).paid == 1000

    async def test_slow_gateway_times_out(self, stripe_sim: SimulatedStripe) -> None:
        await stripe_sim.fault("delay", delay_s=5, path=RETRIEVE)
        async with stripe_sim.gateway(seconds=0.2) as gateway:
            with pytest.raises(GatewayTimeout):
                await gateway.read(None, "pi_1")

    async def test_unreachable_gateway(self, stripe_sim: SimulatedStripe) -> None:
        async with stripe_sim.gateway(url="http://127.0.0.1:1") as gateway:
            with pytest.raises(GatewayUnavailable) as caught:
                await gateway.read(None, "pi_1")
        assert status_of(caught.value) == 502

    async def test_wrong_key_is_named_as_the_reason(self, stripe_sim: SimulatedStripe) -> None:
        async with stripe_sim.gateway(key="sk_test_wrong") as gateway:
            with pytest.raises(GatewayUnavailable) as caught:
                await gateway.read(None, "pi_1")
        assert caught.value.code == "gateway_rejected_keys"
