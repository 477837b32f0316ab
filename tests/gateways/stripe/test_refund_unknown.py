"""Refunds at Stripe whose outcome is not known, or asked for at once: never given twice."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import stripe

from coinslot.errors import (
    GatewayTimeout,
    GatewayUnavailable,
    InvalidPaymentKey,
    RefundDeclined,
    RefundKeySpent,
)
from coinslot.gateways.base import Refund
from coinslot.gateways.stripe import refund as stripe_refund
from tests.gateways.stripe.refund_answers import A_DAY, REFUNDS, ask, made, read, refund

if TYPE_CHECKING:
    from tests.support.stripes import SimulatedStripe


class TestUnknown:
    async def test_answer_that_was_dropped_is_asked_for_under_the_same_key(
        self, stripe_sim: SimulatedStripe
    ) -> None:
        """By the library itself, and by us."""
        key = await stripe_sim.paid()
        await stripe_sim.fault("drop_after", next=1, path=REFUNDS)
        for _ in range(2):
            await ask(stripe_sim, refund(key, 400))
        assert made(stripe_sim) == [(400, "succeeded")]

    @pytest.mark.parametrize("kind", ["malformed", "html"])
    async def test_answer_that_was_lost_is_asked_for_under_the_same_key(
        self, stripe_sim: SimulatedStripe, kind: str
    ) -> None:
        key = await stripe_sim.paid()
        await stripe_sim.fault(kind, next=1, path=REFUNDS)
        with pytest.raises(GatewayUnavailable) as caught:
            await ask(stripe_sim, refund(key, 400))
        assert type(caught.value) is GatewayUnavailable
        await ask(stripe_sim, refund(key, 400))
        assert made(stripe_sim) == [(400, "succeeded")]

    async def test_lost_answer_is_found_after_stripe_forgot_the_key(
        self, stripe_sim: SimulatedStripe
    ) -> None:
        key = await stripe_sim.paid()
        await stripe_sim.fault("malformed", next=1, path=REFUNDS)
        with pytest.raises(GatewayUnavailable):
            await ask(stripe_sim, refund(key, 400))
        await stripe_sim.control("POST", "clock", advance_s=A_DAY)
        await ask(stripe_sim, refund(key, 400))
        assert made(stripe_sim) == [(400, "succeeded")]

    async def test_forgotten_key_is_found_among_many_refunds(
        self, stripe_sim: SimulatedStripe
    ) -> None:
        key = await stripe_sim.paid()
        await ask(stripe_sim, refund(key, 10))
        for _ in range(12):
            await stripe_sim.control("POST", "refund", payment_key=key, amount=10)
        await stripe_sim.control("POST", "clock", advance_s=A_DAY)
        await ask(stripe_sim, refund(key, 10))
        assert len(made(stripe_sim)) == 13

    @pytest.mark.parametrize(("kind", "refunds"), [("error_before", 0), ("error_after", 1)])
    async def test_error_that_stripe_repeats_spends_the_key(
        self, stripe_sim: SimulatedStripe, kind: str, refunds: int
    ) -> None:
        """The library's own second try gets the stored answer."""
        key = await stripe_sim.paid()
        await stripe_sim.fault(kind, next=1, path=REFUNDS)
        with pytest.raises(RefundKeySpent):
            await ask(stripe_sim, refund(key))
        assert len(made(stripe_sim)) == refunds
        assert (await read(stripe_sim, key)).refunded == 1000 * refunds
        if refunds:
            # What the refund's own metadata say is an answer.
            await ask(stripe_sim, refund(key))
        else:
            with pytest.raises(RefundKeySpent):
                await ask(stripe_sim, refund(key))
            await ask(stripe_sim, refund(key, key="refund-another-key"))
        assert made(stripe_sim) == [(1000, "succeeded")]

    async def test_another_key_gives_nothing_that_an_earlier_try_gave(
        self, stripe_sim: SimulatedStripe
    ) -> None:
        """Stripe showed nothing of it at first: a server error's effects may come late."""
        key = await stripe_sim.paid()
        await stripe_sim.fault("error_after", next=1, path=REFUNDS)
        with pytest.raises(RefundKeySpent):
            await ask(stripe_sim, refund(key, 400, id="refund-1"))
        await ask(stripe_sim, refund(key, 400, id="refund-1", key="refund-another-key"))
        assert made(stripe_sim) == [(400, "succeeded")]
        await ask(stripe_sim, refund(key, 400, id="refund-2", key="refund-of-another"))
        assert made(stripe_sim) == [(400, "succeeded")] * 2

    async def test_too_many_calls_spend_no_key(self, stripe_sim: SimulatedStripe) -> None:
        key = await stripe_sim.paid()
        await stripe_sim.fault("rate_limit", next=1, path=REFUNDS)
        with pytest.raises(GatewayUnavailable) as caught:
            await ask(stripe_sim, refund(key))
        assert type(caught.value) is GatewayUnavailable
        await ask(stripe_sim, refund(key))
        assert made(stripe_sim) == [(1000, "succeeded")]

    async def test_slow_answer(self, stripe_sim: SimulatedStripe) -> None:
        key = await stripe_sim.paid()
        await stripe_sim.fault("delay", delay_s=3, next=1, path=REFUNDS)
        with pytest.raises(GatewayTimeout):
            await ask(stripe_sim, refund(key), seconds=0.5)

    @pytest.mark.parametrize(
        "kind", ["error_before", "drop_after", "malformed", "html", "rate_limit"]
    )
    async def test_nothing_is_asked_where_what_was_made_cannot_be_read(
        self, stripe_sim: SimulatedStripe, kind: str
    ) -> None:
        key = await stripe_sim.paid()
        await stripe_sim.fault(kind, path="/v1/payment_intents/")
        with pytest.raises(GatewayUnavailable):
            await ask(stripe_sim, refund(key))
        assert made(stripe_sim) == []

    async def test_other_parameters_under_one_key_decide_nothing(
        self, stripe_sim: SimulatedStripe
    ) -> None:
        first, second = await stripe_sim.paid(), await stripe_sim.paid()
        await ask(stripe_sim, refund(first))
        with pytest.raises(GatewayUnavailable) as caught:
            await ask(stripe_sim, refund(second))
        assert caught.value.code == "gateway_refused"
        assert len(made(stripe_sim)) == 1

    async def test_wrong_key_is_named_as_the_reason(self, stripe_sim: SimulatedStripe) -> None:
        async with stripe_sim.gateway(key="sk_test_wrong") as gateway:
            with pytest.raises(GatewayUnavailable) as caught:
                await gateway.refund(refund("pi_1"))
        assert caught.value.code == "gateway_rejected_keys"

    async def test_unreachable_gateway(self, stripe_sim: SimulatedStripe) -> None:
        async with stripe_sim.gateway(url="http://127.0.0.1:1") as gateway:
            with pytest.raises(GatewayUnavailable):
                await gateway.refund(refund("pi_1"))

    @pytest.mark.parametrize("key", ["", "ch_1", "pi_1/../x", "pi_1?x"])
    async def test_key_that_is_none_is_refused_before_any_call(
        self, stripe_sim: SimulatedStripe, key: str
    ) -> None:
        await stripe_sim.fault("malformed")
        with pytest.raises(InvalidPaymentKey):
            await ask(stripe_sim, refund(key))


class TestMeaning:
    """Of what Stripe answers, through its library."""

    @pytest.mark.parametrize(
        ("status", "error", "headers", "expected"),
        [
            (400, {"code": "charge_already_refunded", "message": "No"}, {}, RefundDeclined),
            (400, {"type": "invalid_request_error"}, {}, RefundDeclined),
            (402, {"type": "card_error", "code": "x"}, {}, RefundDeclined),
            (404, {"code": "resource_missing"}, {}, RefundDeclined),
            (400, {"type": "idempotency_error"}, {}, GatewayUnavailable),
            (400, {"code": "rate_limit"}, {}, GatewayUnavailable),
            (401, {}, {}, GatewayUnavailable),
            (403, {}, {}, GatewayUnavailable),
            (409, {"code": "idempotency_key_in_use"}, {}, GatewayUnavailable),
            (429, {"code": "lock_timeout"}, {}, GatewayUnavailable),
            (500, {}, {}, GatewayUnavailable),
            (500, {}, {"idempotent-replayed": "false"}, GatewayUnavailable),
            (500, {}, {"idempotent-replayed": "true"}, RefundKeySpent),
            (503, {}, {"idempotent-replayed": "true"}, RefundKeySpent),
            (409, {}, {"idempotent-replayed": "true"}, GatewayUnavailable),
        ],
    )
    async def test_of_an_error(
        self,
        status: int,
        error: dict[str, str],
        headers: dict[str, str],
        expected: type[Exception],
    ) -> None:
        answer = (json.dumps({"error": error}).encode(), status, headers)
        client: Any = stripe.StripeClient("sk_test_1")
        with pytest.raises(stripe.StripeError) as caught:
            client._requestor._interpret_response(*answer, "V1")  # noqa: SLF001
        assert type(stripe_refund.meaning(caught.value)) is expected

    @pytest.mark.parametrize(
        "body",
        [
            b'{"error": null}',
            b'{"error": 5}',
            b"[]",
            b"{}",
            b'"re_1"',
            b'{"id": "re_1", "amount": 1}',
        ],
    )
    async def test_answer_that_is_none_of_stripes(
        self, stripe_sim: SimulatedStripe, body: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = await stripe_sim.paid()
        status = 400 if b"error" in body else 200
        async with stripe_sim.gateway() as gateway:
            client = gateway._api._http._client_async  # noqa: SLF001
            sent = client.request

            async def request(method: str, *where: Any, **options: Any) -> httpx.Response:  # noqa: ANN401
                if method.upper() == "POST":
                    return httpx.Response(status, content=body)
                answer: httpx.Response = await sent(method, *where, **options)
                return answer

            monkeypatch.setattr(client, "request", request)
            with pytest.raises(GatewayUnavailable):
                await gateway.refund(refund(key))


class TestAtOnce:
    async def asked(self, sim: SimulatedStripe, *refunds: Refund) -> list[object]:
        async with sim.gateway() as gateway:
            calls = (gateway.refund(each) for each in refunds)
            return list(await asyncio.gather(*calls, return_exceptions=True))

    async def test_one_key(self, stripe_sim: SimulatedStripe) -> None:
        key = await stripe_sim.paid()
        await stripe_sim.fault("delay", delay_s=0.2, next=1, path=REFUNDS)
        answers = await self.asked(stripe_sim, *[refund(key, 400)] * 3)
        assert {type(each) for each in answers} <= {type(None), GatewayUnavailable}
        assert None in answers
        assert made(stripe_sim) == [(400, "succeeded")]

    async def test_two_keys_never_give_more_than_there_is(
        self, stripe_sim: SimulatedStripe
    ) -> None:
        """Stripe compares no balance: two keys are two refunds, up to all of the money."""
        key = await stripe_sim.paid()
        other = refund(key, 600, key="refund-another-key")
        answers = await self.asked(stripe_sim, refund(key, 600), other)
        assert sorted(type(each).__name__ for each in answers) == ["NoneType", "RefundDeclined"]
        assert made(stripe_sim) == [(600, "succeeded")]
