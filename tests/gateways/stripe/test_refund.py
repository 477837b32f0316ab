"""Refunds at Stripe: taken on at once or in time, or declined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coinslot.errors import RefundDeclined
from coinslot.gateways.base import Order, Refund
from tests.gateways.stripe.refund_answers import ask, made, read, refund
from tests.support.stripes import ORDER

if TYPE_CHECKING:
    from tests.support.stripes import SimulatedStripe


class TestTakenOn:
    async def test_all_of_it(self, stripe_sim: SimulatedStripe) -> None:
        key = await stripe_sim.paid()
        await ask(stripe_sim, refund(key))
        found = await read(stripe_sim, key)
        assert (found.state, found.refunded, found.refunding) == ("paid", 1000, 0)
        [refunded] = stripe_sim.simulator.books.all("refund")
        assert refunded["reason"] == "requested_by_customer"
        assert refunded["metadata"] == {
            "refund_key": "refund-0123456789",
            "refund_id": "of refund-0123456789",
            "order_id": ORDER.order_id,
            "reason": "변심",
        }
        assert stripe_sim.simulator.store.get("idempotency", "refund:refund-0123456789")

    async def test_parts_until_nothing_is_left(self, stripe_sim: SimulatedStripe) -> None:
        key, seen = await stripe_sim.paid(), []
        for number, amount in enumerate((300, 200, 500)):
            await ask(stripe_sim, refund(key, amount, key=f"refund-of-part-{number}"))
            seen.append((await read(stripe_sim, key)).refunded)
        assert seen == [300, 500, 1000]

    @pytest.mark.parametrize(
        ("amount", "currency", "sent"), [(11_000, "ISK", 1_100_000), (5_120, "KWD", 5_120)]
    )
    async def test_amount_is_sent_in_stripes_units(
        self, stripe_sim: SimulatedStripe, amount: int, currency: str, sent: int
    ) -> None:
        order = Order("ord_0123456789ab", "Pack", amount, currency)
        async with stripe_sim.gateway() as gateway:
            await gateway.prepare(order)
        key = await stripe_sim.pay()
        await ask(stripe_sim, refund(key, amount, currency=currency))
        assert made(stripe_sim) == [(sent, "succeeded")]

    @pytest.mark.parametrize(
        ("reason", "kept"), [("x" * 900, "x" * 500), ("  ", None), ("a\x00b\ud800", "ab?")]
    )
    async def test_reason_fits_the_metadata(
        self, stripe_sim: SimulatedStripe, reason: str, kept: str | None
    ) -> None:
        key = await stripe_sim.paid()
        await ask(stripe_sim, refund(key, reason=reason))
        [refunded] = stripe_sim.simulator.books.all("refund")
        assert refunded["metadata"].get("reason") == kept


class TestTakesTime:
    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            ("succeeded", (400, 0)),
            ("failed", (0, 0)),
            ("canceled", (0, 0)),
            ("requires_action", (0, 400)),
        ],
    )
    async def test_until_the_bank_has_it(
        self, stripe_sim: SimulatedStripe, status: str, expected: tuple[int, int]
    ) -> None:
        key = await stripe_sim.paid(method="pm_card_pendingRefund")
        await ask(stripe_sim, refund(key, 400))
        pending = await read(stripe_sim, key)
        await stripe_sim.control("POST", "refund_status", payment_key=key, status=status)
        found = await read(stripe_sim, key)
        assert (pending.refunded, pending.refunding) == (0, 400)
        assert (found.refunded, found.refunding) == expected

    async def test_one_that_fails_afterwards(self, stripe_sim: SimulatedStripe) -> None:
        """Found so in the answer, or under its key where the answer was lost."""
        key = await stripe_sim.paid(method="pm_card_refundFail")
        for _ in range(2):
            with pytest.raises(RefundDeclined) as caught:
                await ask(stripe_sim, refund(key))
            assert caught.value.gateway_code == "refund_failed"
        found = await read(stripe_sim, key)
        assert (found.refunded, found.refunding) == (0, 0)
        assert made(stripe_sim) == [(1000, "failed")]


class TestDeclined:
    async def declined(self, sim: SimulatedStripe, asked: Refund) -> tuple[str, str]:
        before = made(sim)
        with pytest.raises(RefundDeclined) as caught:
            await ask(sim, asked)
        assert made(sim) == before
        return caught.value.gateway_code, caught.value.gateway_message

    async def test_more_than_there_is(self, stripe_sim: SimulatedStripe) -> None:
        key = await stripe_sim.paid()
        code, message = await self.declined(stripe_sim, refund(key, 1001))
        assert (code, "greater than unrefunded" in message) == ("invalid_request_error", True)

    async def test_what_went_back_already(self, stripe_sim: SimulatedStripe) -> None:
        key = await stripe_sim.paid()
        await stripe_sim.control("POST", "refund", payment_key=key)
        code, _ = await self.declined(stripe_sim, refund(key))
        assert code == "charge_already_refunded"

    async def test_what_is_disputed(self, stripe_sim: SimulatedStripe) -> None:
        key = await stripe_sim.paid(method="pm_card_createDispute")
        code, _ = await self.declined(stripe_sim, refund(key))
        assert code == "charge_disputed"

    async def test_what_was_never_paid(self, stripe_sim: SimulatedStripe) -> None:
        intent = await stripe_sim.intent()
        code, _ = await self.declined(stripe_sim, refund(intent.id))
        assert code == "invalid_request_error"

    async def test_what_stripe_does_not_know(self, stripe_sim: SimulatedStripe) -> None:
        assert (await self.declined(stripe_sim, refund("pi_nope")))[0] == "resource_missing"

    async def test_amount_that_the_currency_does_not_have(
        self, stripe_sim: SimulatedStripe
    ) -> None:
        asked = refund("pi_any", 5_124, currency="KWD")
        assert (await self.declined(stripe_sim, asked))[0] == "amount_not_refundable"

    async def test_asked_again_once_it_is_possible(self, stripe_sim: SimulatedStripe) -> None:
        """A refusal is not stored under the key."""
        key = await stripe_sim.paid(method="pm_card_createDispute")
        await self.declined(stripe_sim, refund(key))
        await stripe_sim.control("POST", "dispute", payment_key=key, status="won")
        await ask(stripe_sim, refund(key))
        assert made(stripe_sim) == [(1000, "succeeded")]
