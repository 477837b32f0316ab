"""Refunds and lists of the Stripe simulator, through Stripe's own library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import stripe

from tests.simulators.test_stripe_webhooks import endpoint, opened
from tests.support.servers import wait_until
from tests.support.stripes import signed

if TYPE_CHECKING:
    from tests.support.stripes import SimulatedStripe

A_DAY = 24 * 3600


async def refund(sim: SimulatedStripe, intent: str, key: str, **params: Any) -> stripe.Refund:  # noqa: ANN401
    given: Any = {"payment_intent": intent, **params}
    return await sim.client.v1.refunds.create_async(given, {"idempotency_key": key})


class TestRefunds:
    async def test_metadata_are_in_the_first_event_already(
        self, stripe_sim: SimulatedStripe
    ) -> None:
        key = await stripe_sim.paid()
        await refund(stripe_sim, key, "one", metadata={"refund_key": "r1"})
        created = await stripe_sim.client.v1.events.list_async({"type": "refund.created"})
        about: Any = created.data[0].data.object
        assert about.metadata.to_dict() == {"refund_key": "r1"}

    @pytest.mark.parametrize(
        ("disputes", "refused"),
        [
            (["needs_response"], True),
            (["needs_response", "lost"], True),
            (["needs_response", "won"], False),
            (["warning_needs_response"], False),
        ],
    )
    async def test_charge_that_is_disputed(
        self, stripe_sim: SimulatedStripe, disputes: list[str], refused: bool
    ) -> None:
        key = await stripe_sim.paid()
        for status in disputes:
            await stripe_sim.control("POST", "dispute", payment_key=key, status=status)
        if not refused:
            assert (await refund(stripe_sim, key, "one")).status == "succeeded"
            return
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await refund(stripe_sim, key, "one")
        assert (caught.value.http_status, caught.value.code) == (400, "charge_disputed")

    @pytest.mark.parametrize(("seconds", "refunds"), [(A_DAY - 5, 1), (A_DAY, 2)])
    async def test_key_is_kept_for_a_day(
        self, stripe_sim: SimulatedStripe, seconds: int, refunds: int
    ) -> None:
        key = await stripe_sim.paid()
        for _ in range(2):
            await refund(stripe_sim, key, "one", amount=300)
            await stripe_sim.control("POST", "clock", advance_s=seconds)
        assert len(stripe_sim.simulator.books.all("refund")) == refunds

    @pytest.mark.parametrize("kind", ["error_before", "error_after", "drop_after"])
    async def test_what_a_fault_made_of_it_is_told_again(
        self, stripe_sim: SimulatedStripe, kind: str
    ) -> None:
        key = await stripe_sim.paid()
        await stripe_sim.fault(kind, next=1, path="/v1/refunds")
        with pytest.raises((stripe.APIError, stripe.APIConnectionError)):
            await refund(stripe_sim, key, "one")
        if kind == "drop_after":
            again = await refund(stripe_sim, key, "one")
            assert again.last_response is not None
            assert again.last_response.headers["idempotent-replayed"] == "true"
        else:
            with pytest.raises(stripe.APIError) as caught:
                await refund(stripe_sim, key, "one")
            assert (caught.value.headers or {})["idempotent-replayed"] == "true"
            assert caught.value.error is not None
            assert caught.value.error.type == "api_error"
        made = stripe_sim.simulator.books.all("refund")
        assert len(made) == (0 if kind == "error_before" else 1)

    @pytest.mark.parametrize(
        ("status", "last", "left"),
        [
            ("succeeded", "charge.refund.updated", (400, 0)),
            ("failed", "charge.refund.updated", (0, 0)),
            ("requires_action", "charge.refund.updated", (0, 400)),
        ],
    )
    async def test_each_event_leads_to_its_payment(
        self, stripe_sim: SimulatedStripe, status: str, last: str, left: tuple[int, int]
    ) -> None:
        key = await stripe_sim.paid(method="pm_card_pendingRefund")
        expected = {"refund.created", "charge.refunded", "refund.updated", last}
        expected |= {"refund.failed"} if status == "failed" else set()
        async with endpoint(stripe_sim) as got:
            await refund(stripe_sim, key, "one", amount=400)
            await stripe_sim.control("POST", "refund_status", payment_key=key, status=status)
            await wait_until(lambda: len(got) == len(expected))
        assert {opened(each).type for each in got} == expected
        async with stripe_sim.gateway() as gateway:
            for body, _ in got:
                event = gateway.parse_webhook(signed(body), body)
                assert event is not None
                assert (event.payment_key, event.claims_paid) == (key, False)
            read = await gateway.read(None, key)
        assert (read.refunded, read.refunding) == left


class TestCharges:
    async def test_of_a_method_that_takes_days(self, stripe_sim: SimulatedStripe) -> None:
        """One charge is made when it begins, and stays the same one when it ends."""
        key = await stripe_sim.paid(outcome="awaiting_deposit")
        listing = stripe_sim.client.v1.charges.list_async
        [begun] = (await listing({"payment_intent": key})).data
        await stripe_sim.control("POST", "clock", advance_s=3 * A_DAY)
        await stripe_sim.control("POST", "deposit", payment_key=key)
        [ended] = (await listing({"payment_intent": key})).data
        assert (begun.status, begun.paid) == ("pending", False)
        assert (ended.status, ended.paid) == ("succeeded", True)
        assert (ended.id, ended.created) == (begun.id, begun.created)

    async def test_that_fails_after_days(self, stripe_sim: SimulatedStripe) -> None:
        key = await stripe_sim.paid(outcome="awaiting_deposit")
        await stripe_sim.control("POST", "undo_deposit", payment_key=key)
        [charge] = (await stripe_sim.client.v1.charges.list_async({"payment_intent": key})).data
        assert (charge.status, charge.paid, charge.amount_captured) == ("failed", False, 0)

    async def test_by_the_time_of_their_making(self, stripe_sim: SimulatedStripe) -> None:
        await stripe_sim.paid()
        [first] = stripe_sim.simulator.books.all("charge")
        for number in range(1, 4):
            later = {"id": f"ch_{number}", "created": first["created"] + number}
            stripe_sim.simulator.books.keep({**first, **later})
        at = first["created"]
        listing = stripe_sim.client.v1.charges.list_async
        inside = await listing({"created": {"gte": at + 1, "lt": at + 3}})
        assert [each.id for each in inside.data] == ["ch_2", "ch_1"]
        outside = await listing({"created": {"gt": at + 2, "lte": at + 3}})
        assert [each.id for each in outside.data] == ["ch_3"]
        exactly = await listing({"created": at})
        assert [each.id for each in exactly.data] == [first["id"]]

    async def test_time_that_is_none(self, stripe_sim: SimulatedStripe) -> None:
        wrong: Any = {"created": {"gte": "yesterday"}}
        with pytest.raises(stripe.InvalidRequestError):
            await stripe_sim.client.v1.charges.list_async(wrong)

    async def test_pages_to_the_end(self, stripe_sim: SimulatedStripe) -> None:
        await stripe_sim.paid()
        [first] = stripe_sim.simulator.books.all("charge")
        for number in range(24):
            stripe_sim.simulator.books.keep({**first, "id": f"ch_{number}"})
        page = await stripe_sim.client.v1.charges.list_async({"limit": 10})
        seen = [each.id async for each in page.auto_paging_iter()]
        assert len(seen) == len(set(seen)) == 25
