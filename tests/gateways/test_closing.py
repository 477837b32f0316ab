"""Orders that are over, closed at each gateway: what can be closed is, and no money moves by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from coinslot.errors import GatewayUnavailable
from coinslot.gateways.base import Order
from tests.support.portone_v2 import ORDER as ORDER_ID
from tests.support.stripes import ORDER as DOLLARS

if TYPE_CHECKING:
    from tests.support.portone import Simulated
    from tests.support.portone_v2 import SimulatedV2
    from tests.support.stripes import SimulatedStripe
    from tests.support.toss import SimulatedToss

UNTIL = datetime(2026, 12, 31, 14, 59, tzinfo=UTC)
WON = Order(ORDER_ID, "Starter Pack", 5000, "KRW", deposit_until=UNTIL)


class TestStripe:
    async def test_is_canceled_there_and_cannot_be_paid(self, stripe_sim: SimulatedStripe) -> None:
        async with stripe_sim.gateway() as gateway:
            made = (await gateway.prepare(DOLLARS)).attempt
            await gateway.close_order(DOLLARS, made)
            assert made is not None
            assert (await gateway.read(None, made.payment_key)).state == "canceled"
            await gateway.close_order(DOLLARS, made)
        with pytest.raises(AssertionError, match="canceled"):
            await stripe_sim.pay()

    async def test_declined_one_is_closed_too(self, stripe_sim: SimulatedStripe) -> None:
        async with stripe_sim.gateway() as gateway:
            made = (await gateway.prepare(DOLLARS)).attempt
            await stripe_sim.pay(method="pm_card_visa_chargeDeclined")
            await gateway.close_order(DOLLARS, made)
        assert stripe_sim.simulator.payments()[0]["status"] == "canceled"

    async def test_paid_meanwhile_stays_paid(self, stripe_sim: SimulatedStripe) -> None:
        async with stripe_sim.gateway() as gateway:
            made = (await gateway.prepare(DOLLARS)).attempt
            assert made is not None
            await stripe_sim.pay()
            await gateway.close_order(DOLLARS, made)
            found = await gateway.read(None, made.payment_key)
        assert (found.state, found.paid, found.refunded) == ("paid", 1000, 0)

    async def test_outage_is_no_answer(self, stripe_sim: SimulatedStripe) -> None:
        async with stripe_sim.gateway() as gateway:
            made = (await gateway.prepare(DOLLARS)).attempt
            await stripe_sim.fault("error_before")
            with pytest.raises(GatewayUnavailable):
                await gateway.close_order(DOLLARS, made)

    async def test_checked_out_again_after_a_day_is_the_same_payment(
        self, stripe_sim: SimulatedStripe
    ) -> None:
        """Stripe has forgotten the idempotency key by then."""
        async with stripe_sim.gateway() as gateway:
            made = (await gateway.prepare(DOLLARS)).attempt
            assert made is not None
            await stripe_sim.control("POST", "clock", advance_s=25 * 3600)
            known = replace(DOLLARS, payment_key=made.payment_key)
            again = (await gateway.prepare(known)).attempt
        assert again == made
        assert len(stripe_sim.simulator.payments()) == 1


class TestToss:
    async def test_account_is_canceled(self, toss: SimulatedToss) -> None:
        gateway = toss.gateway()
        waiting = await gateway.confirm(WON, await toss.pay(ORDER_ID, outcome="awaiting_deposit"))
        await gateway.close_order(WON, waiting)
        found = await gateway.read(None, waiting.payment_key)
        assert (found.state, found.paid) == ("canceled", 0)
        await gateway.close_order(WON, waiting)

    async def test_deposit_that_came_meanwhile_is_kept(self, toss: SimulatedToss) -> None:
        gateway = toss.gateway()
        waiting = await gateway.confirm(WON, await toss.pay(ORDER_ID, outcome="awaiting_deposit"))
        await toss.control("POST", "deposit", payment_key=waiting.payment_key)
        await gateway.close_order(WON, waiting)
        found = await gateway.read(None, waiting.payment_key)
        assert (found.state, found.paid, found.refunded) == ("paid", 5000, 0)

    async def test_card_that_was_charged_is_left_alone(self, toss: SimulatedToss) -> None:
        gateway = toss.gateway()
        key = await toss.pay(ORDER_ID)
        agreed = await gateway.read(None, key)
        await gateway.confirm(WON, key)
        await gateway.close_order(WON, agreed)
        assert (await gateway.read(None, key)).refunded == 0

    async def test_page_is_told_until_when_to_deposit(self, toss: SimulatedToss) -> None:
        prepared = await toss.gateway().prepare(WON)
        assert prepared.browser["dueDate"] == "2026-12-31T23:59:00"


class TestPortOneV2:
    async def test_account_is_closed(self, v2: SimulatedV2) -> None:
        gateway = v2.gateway()
        await v2.pay(amount=5000, outcome="awaiting_deposit")
        await gateway.close_order(WON, await gateway.read(ORDER_ID, None))
        found = await gateway.read(ORDER_ID, None)
        assert (found.state, found.paid) == ("canceled", 0)

    async def test_deposit_that_came_meanwhile_is_kept(self, v2: SimulatedV2) -> None:
        gateway = v2.gateway()
        key = await v2.pay(amount=5000, outcome="awaiting_deposit")
        waiting = await gateway.read(ORDER_ID, None)
        await v2.control("POST", "deposit", payment_key=key)
        with capture_logs() as logs:
            await gateway.close_order(WON, waiting)
        assert [each["type"] for each in logs if each["event"] == "account_not_closed"] == [
            "PAYMENT_NOT_WAITING_FOR_DEPOSIT"
        ]
        assert (await gateway.read(ORDER_ID, None)).paid == 5000

    async def test_page_is_told_until_when_to_deposit(self, v2: SimulatedV2) -> None:
        prepared = await v2.gateway().prepare(WON)
        due: dict[str, Any] = prepared.browser["virtualAccount"]
        assert due == {"accountExpiry": {"dueDate": "2026-12-31T14:59:00Z"}}


class TestPortOneV1:
    async def test_no_window_opens_for_the_price(self, sim: Simulated) -> None:
        gateway = sim.gateway()
        prepared = await gateway.prepare(WON)
        assert prepared.browser["vbank_due"] == "202612312359"
        await gateway.close_order(WON, None)
        with pytest.raises(AssertionError, match="amount_not_prepared"):
            await sim.pay(ORDER_ID, amount=5000)

    async def test_account_is_deleted(self, sim: Simulated) -> None:
        gateway = sim.gateway()
        await gateway.prepare(WON)
        key = await sim.pay(ORDER_ID, outcome="awaiting_deposit")
        await gateway.close_order(WON, await gateway.read(None, key))
        found = await gateway.read(None, key)
        assert (found.state, found.paid) == ("canceled", 0)

    async def test_deposit_that_came_meanwhile_is_kept(self, sim: Simulated) -> None:
        gateway = sim.gateway()
        await gateway.prepare(WON)
        key = await sim.pay(ORDER_ID, outcome="awaiting_deposit")
        waiting = await gateway.read(None, key)
        await sim.control("POST", "deposit", payment_key=key)
        await gateway.close_order(WON, waiting)
        found = await gateway.read(None, key)
        assert (found.state, found.paid, found.refunded) == ("paid", 5000, 0)


async def test_each_tells_when_the_buyer_paid(
    sim: Simulated, v2: SimulatedV2, toss: SimulatedToss, stripe_sim: SimulatedStripe
) -> None:
    """Not when we read it."""
    for simulated in (sim, v2, toss, stripe_sim):
        await simulated.control("POST", "clock", advance_s=-3600)
    await sim.gateway().prepare(WON)
    v1_key = await sim.pay(ORDER_ID)
    await v2.pay(amount=5000)
    toss_key = await toss.paid(ORDER_ID)
    async with stripe_sim.gateway() as stripe:
        made = (await stripe.prepare(DOLLARS)).attempt
        assert made is not None
        await stripe_sim.pay()
        facts = [
            await sim.gateway().read(None, v1_key),
            await v2.gateway().read(ORDER_ID, None),
            await toss.gateway().read(None, toss_key),
            await stripe.read(None, made.payment_key),
        ]
    for fact in facts:
        assert fact.taken_at is not None
        ago = datetime.now(UTC) - datetime.fromisoformat(fact.taken_at)
        assert 3590 < ago.total_seconds() < 3700, fact
