"""The Stripe simulator, called by Stripe's own library unmodified."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from coinslot.gateways.base import Order
from tests.simulators.pauses import Pause
from tests.support.stripes import official

if TYPE_CHECKING:
    from tests.support.stripes import SimulatedStripe

SAMPLES = json.loads((Path(__file__).parents[1] / "gateways/stripe/samples.json").read_text())
SAMPLED = Order("topup_01HZX3", "", 11000, "KRW")
METADATA = {"order_id": "topup_01HZX3", "user_id": "u1"}


def differences(found: Any, sample: Any, at: str = "") -> list[str]:  # noqa: ANN401 - JSON
    """The places in which an answer has other keys or types than a sample; null fits any type."""
    if isinstance(found, dict) and isinstance(sample, dict):
        keys = [
            f"{at}.{key}" for key in found.keys() ^ sample.keys() if not at.endswith("metadata")
        ]
        shared = found.keys() & sample.keys()
        return keys + [
            each for key in shared for each in differences(found[key], sample[key], f"{at}.{key}")
        ]
    if found is None or sample is None or type(found) is type(sample):
        return []
    return [f"{at}: {type(found).__name__}, not {type(sample).__name__}"]


class TestShapeOfSamples:
    async def retrieved(self, sim: SimulatedStripe, key: str) -> dict[str, Any]:
        return (await sim.client.v1.payment_intents.retrieve_async(key)).to_dict()

    async def sampled(self, sim: SimulatedStripe, **params: object) -> str:
        automatic = {"enabled": True}
        intent = await sim.intent(
            SAMPLED, metadata=METADATA, automatic_payment_methods=automatic, **params
        )
        return intent.id

    async def test_succeeded(self, stripe_sim: SimulatedStripe) -> None:
        key = await self.sampled(stripe_sim)
        await stripe_sim.pay(payment_intent=key)
        found = await self.retrieved(stripe_sim, key)
        sample = SAMPLES["payment_intent_succeeded_object"]
        assert differences(found, sample) == []
        assert {name: found[name] for name in ("amount_received", "status", "metadata")} == {
            name: sample[name] for name in ("amount_received", "status", "metadata")
        }

    @pytest.mark.parametrize(
        ("turn", "sample"),
        [
            ({}, "event_payment_intent_succeeded"),
            (
                {"method": "pm_card_visa_chargeDeclinedInsufficientFunds"},
                "event_payment_intent_payment_failed",
            ),
            ({"outcome": "awaiting_deposit"}, "event_payment_intent_processing"),
            ({"method": "pm_card_threeDSecure2Required"}, "event_payment_intent_requires_action"),
        ],
    )
    async def test_event_of_a_turn(
        self, stripe_sim: SimulatedStripe, turn: dict[str, Any], sample: str
    ) -> None:
        key = await self.sampled(stripe_sim)
        await stripe_sim.pay(payment_intent=key, **turn)
        self.same_event(await self.latest(stripe_sim, SAMPLES[sample]["type"]), SAMPLES[sample])

    async def test_canceled(self, stripe_sim: SimulatedStripe) -> None:
        key = await self.sampled(stripe_sim, payment_method="pm_card_visa")
        await stripe_sim.client.v1.payment_intents.cancel_async(
            key, {"cancellation_reason": "abandoned"}
        )
        sample = SAMPLES["event_payment_intent_canceled"]
        self.same_event(await self.latest(stripe_sim, sample["type"]), sample)

    async def test_refund(self, stripe_sim: SimulatedStripe) -> None:
        key = await self.sampled(stripe_sim)
        await stripe_sim.pay(payment_intent=key, method="pm_card_pendingRefund")
        await stripe_sim.client.v1.refunds.create_async(
            {"payment_intent": key, "amount": 1100, "reason": "requested_by_customer"}
        )
        await stripe_sim.control("POST", "refund_status", payment_key=key, status="succeeded")
        refunded = await self.latest(stripe_sim, "charge.refunded")
        refunded["data"]["object"].pop("payment_method_details")
        self.same_event(refunded, SAMPLES["event_charge_refunded"])
        updated = await self.latest(stripe_sim, "refund.updated")
        assert updated["data"].pop("previous_attributes") == {"status": "pending"}
        self.same_event(updated, SAMPLES["event_refund_updated"])

    async def test_dispute(self, stripe_sim: SimulatedStripe) -> None:
        key = await self.sampled(stripe_sim)
        await stripe_sim.pay(payment_intent=key)
        await stripe_sim.control("POST", "dispute", payment_key=key, status="needs_response")
        await stripe_sim.control("POST", "dispute", payment_key=key, status="lost")
        for kind in ("created", "closed"):
            event = await self.latest(stripe_sim, f"charge.dispute.{kind}")
            event["data"].pop("previous_attributes", None)
            self.same_event(event, SAMPLES[f"event_charge_dispute_{kind}"])

    async def latest(self, sim: SimulatedStripe, kind: str) -> dict[str, Any]:
        listed = await sim.client.v1.events.list_async({"type": kind})
        return dict(listed.to_dict()["data"][0])

    def same_event(self, event: dict[str, Any], sample: dict[str, Any]) -> None:
        assert differences(event, sample) == []
        about, expected = event["data"]["object"], sample["data"]["object"]
        assert (event["type"], event["api_version"]) == (sample["type"], sample["api_version"])
        assert about["status"] == expected["status"]
        for field in ("amount", "amount_refunded", "amount_received", "currency", "disputed"):
            assert about.get(field) == expected.get(field)


class TestErrors:
    async def test_decline_is_402_with_the_payment_intent(
        self, stripe_sim: SimulatedStripe
    ) -> None:
        intent = await stripe_sim.intent(SAMPLED)
        with pytest.raises(stripe.CardError) as caught:
            await stripe_sim.client.v1.payment_intents.confirm_async(
                intent.id, {"payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds"}
            )
        sample = SAMPLES["error_card_declined_402"]
        assert differences(caught.value.json_body, sample, ".metadata") == []
        assert caught.value.http_status == 402
        error = caught.value.error
        assert error is not None
        assert (error.code, error.decline_code) == ("card_declined", "insufficient_funds")
        assert error.payment_intent is not None
        assert error.payment_intent.status == "requires_payment_method"

    async def test_not_found(self, stripe_sim: SimulatedStripe) -> None:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await stripe_sim.client.v1.payment_intents.retrieve_async("pi_nope")
        assert (caught.value.http_status, caught.value.json_body) == (
            404,
            SAMPLES["error_not_found_404"],
        )

    async def test_unexpected_state(self, stripe_sim: SimulatedStripe) -> None:
        key = await stripe_sim.paid()
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await stripe_sim.client.v1.payment_intents.cancel_async(key)
        body = caught.value.json_body
        assert differences(body, SAMPLES["error_unexpected_state_400"], ".metadata") == []
        assert caught.value.code == "payment_intent_unexpected_state"

    async def test_wrong_key(self, stripe_sim: SimulatedStripe) -> None:
        async with official(stripe_sim.url, "sk_test_wrong") as client:
            with pytest.raises(stripe.AuthenticationError) as caught:
                await client.v1.payment_intents.list_async()
        assert differences(caught.value.json_body, SAMPLES["error_auth_401"]) == []

    @pytest.mark.parametrize(
        ("amount", "currency", "code"),
        [
            (49, "usd", "amount_too_small"),
            (29, "gbp", "amount_too_small"),
            (1_000_000_00, "usd", "amount_too_large"),
            (150, "isk", "invalid_amount"),
            (1001, "kwd", "invalid_amount"),
        ],
    )
    async def test_amount_that_cannot_be_charged(
        self, stripe_sim: SimulatedStripe, amount: int, currency: str, code: str
    ) -> None:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await stripe_sim.intent(Order("o", "", amount, currency))
        assert (caught.value.code, caught.value.param) == (code, "amount")
        assert differences(caught.value.json_body, SAMPLES["error_amount_too_small_400"]) == []

    async def test_refund_of_more_than_is_left(self, stripe_sim: SimulatedStripe) -> None:
        key = await stripe_sim.paid()
        refunds = stripe_sim.client.v1.refunds
        with pytest.raises(stripe.InvalidRequestError):
            await refunds.create_async({"payment_intent": key, "amount": 1001})
        await refunds.create_async({"payment_intent": key})
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await refunds.create_async({"payment_intent": key})
        assert caught.value.code == "charge_already_refunded"
        body = caught.value.json_body
        assert differences(body, SAMPLES["error_already_refunded_400"]) == []


class TestIdempotency:
    async def create(self, sim: SimulatedStripe, key: str, amount: int = 1000) -> Any:  # noqa: ANN401
        return await sim.client.v1.payment_intents.create_async(
            {"amount": amount, "currency": "usd"}, {"idempotency_key": key}
        )

    async def test_repeated_call_is_answered_from_memory(self, stripe_sim: SimulatedStripe) -> None:
        first = await self.create(stripe_sim, "one")
        await stripe_sim.pay(payment_intent=first.id)
        again = await self.create(stripe_sim, "one")
        assert (again.id, again.status) == (first.id, "requires_payment_method")
        assert again.last_response.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in first.last_response.headers
        assert len(stripe_sim.simulator.payments()) == 1

    async def test_other_parameters_are_refused(self, stripe_sim: SimulatedStripe) -> None:
        await self.create(stripe_sim, "topup_01HZX3")
        with pytest.raises(stripe.IdempotencyError) as caught:
            await self.create(stripe_sim, "topup_01HZX3", 2000)
        assert caught.value.json_body == SAMPLES["error_idempotency_400"]

    async def test_concurrent_call_conflicts(
        self, stripe_sim: SimulatedStripe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pause = Pause(monkeypatch, "simulators.faults")
        await stripe_sim.fault("delay", delay_s=1, next=1)
        _, refused = await pause.race(lambda: self.create(stripe_sim, "racing"), 1)
        assert refused.json_body == SAMPLES["error_idempotency_in_use_409"]
        assert len(stripe_sim.simulator.payments()) == 1

    async def test_server_error_is_answered_again(self, stripe_sim: SimulatedStripe) -> None:
        await stripe_sim.fault("error_before", next=1)
        for _ in range(2):
            with pytest.raises(stripe.APIError):
                await self.create(stripe_sim, "unlucky")
        assert (await self.create(stripe_sim, "another")).id

    async def test_refused_call_is_not_remembered(self, stripe_sim: SimulatedStripe) -> None:
        with pytest.raises(stripe.InvalidRequestError):
            await self.create(stripe_sim, "small", 1)
        assert (await self.create(stripe_sim, "small", 1000)).id

    async def test_dropped_answer_is_given_again(self, stripe_sim: SimulatedStripe) -> None:
        await stripe_sim.fault("drop_after", next=1)
        with pytest.raises(stripe.APIConnectionError):
            await self.create(stripe_sim, "lost")
        again = await self.create(stripe_sim, "lost")
        assert [each["id"] for each in stripe_sim.simulator.payments()] == [again.id]
