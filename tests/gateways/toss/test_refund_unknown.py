"""Refunds with the Toss client that may have been given, or are asked for at once: never twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from coinslot.errors import (
    GatewayTimeout,
    GatewayUnavailable,
    InvalidPaymentKey,
    RefundDeclined,
    RefundKeySpent,
)
from coinslot.gateways.base import Refund
from tests.gateways.toss.refund_answers import ORDER, canceled, facts, refund
from tests.support.servers import wait_until
from tests.support.toss import answering

if TYPE_CHECKING:
    from tests.support.toss import SimulatedToss


class TestUnknown:
    @pytest.mark.parametrize("kind", ["error_after", "drop_after", "malformed", "html"])
    async def test_answer_that_was_lost_is_asked_for_under_the_same_key(
        self, toss: SimulatedToss, kind: str
    ) -> None:
        key = await toss.paid(ORDER)
        await toss.fault(kind, next=1, path="/cancel")
        with pytest.raises(GatewayUnavailable) as caught:
            await toss.gateway().refund(refund(key, 2000))
        assert not isinstance(caught.value, RefundKeySpent)
        await toss.gateway().refund(refund(key, 2000))
        assert await canceled(toss, key) == [(2000, "DONE")]

    @pytest.mark.parametrize("kind", ["error_before", "rate_limit"])
    async def test_call_that_did_nothing_is_made_under_the_same_key(
        self, toss: SimulatedToss, kind: str
    ) -> None:
        key = await toss.paid(ORDER)
        await toss.fault(kind, next=1, path="/cancel")
        with pytest.raises(GatewayUnavailable) as caught:
            await toss.gateway().refund(refund(key))
        assert not isinstance(caught.value, RefundKeySpent)
        assert await canceled(toss, key) == []
        await toss.gateway().refund(refund(key))
        assert await facts(toss, key) == ("canceled", 5000, 0)

    async def test_cancel_that_takes_longer_than_we_wait(self, toss: SimulatedToss) -> None:
        key = await toss.paid(ORDER)
        await toss.control("PATCH", f"payments/{key}", cancellation={"seconds": 0.5})
        with pytest.raises(GatewayTimeout):
            await toss.gateway(timeout=0.2).refund(refund(key))
        # The first is still under way: a conflict, and no answer.
        with pytest.raises(GatewayUnavailable) as caught:
            await toss.gateway().refund(refund(key))
        assert type(caught.value) is GatewayUnavailable
        await wait_until(lambda: toss.simulator.payments()[0]["cancels"] is not None)
        await toss.gateway().refund(refund(key))
        assert await canceled(toss, key) == [(5000, "DONE")]

    @pytest.mark.parametrize("amount", [5000, 2000])
    async def test_error_after_it_took_effect_is_not_got_past_with_a_new_key(
        self, toss: SimulatedToss, amount: int
    ) -> None:
        """The balance is another by then."""
        key = await toss.paid(ORDER)
        lied = {"code": "FAILED_REFUND_PROCESS", "taken": True}
        await toss.control("PATCH", f"payments/{key}", cancellation=lied)
        for _ in range(2):
            with pytest.raises(RefundKeySpent):
                await toss.gateway().refund(refund(key, amount))
        with pytest.raises(RefundDeclined):
            await toss.gateway().refund(refund(key, amount, key="refund-another-key"))
        assert await canceled(toss, key) == [(amount, "DONE")]

    async def test_error_without_effect_is_got_past_with_a_new_key(
        self, toss: SimulatedToss
    ) -> None:
        key = await toss.paid(ORDER)
        failing = {"code": "FAILED_REFUND_PROCESS"}
        await toss.control("PATCH", f"payments/{key}", cancellation=failing)
        for _ in range(2):
            with pytest.raises(RefundKeySpent):
                await toss.gateway().refund(refund(key))
        await toss.gateway().refund(refund(key, key="refund-another-key"))
        assert await canceled(toss, key) == [(5000, "DONE")]

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (200, b""),
            (200, b"[]"),
            (200, b"<html>"),
            (200, b'{"paymentKey": "tgen_another"}'),
            (302, b'{"code": "NOT_CANCELABLE_PAYMENT"}'),
            (400, b"<html>"),
            (403, b'{"code": "no code"}'),
            (404, b'{"message": "no Route matched"}'),
            (409, b'{"code": "IDEMPOTENT_REQUEST_PROCESSING"}'),
            (429, b'{"code": "TOO_MANY_REQUESTS"}'),
            (500, b'{"code": 5}'),
            (502, b"<html>"),
            (503, b""),
        ],
    )
    async def test_answer_that_says_neither_yes_nor_no(self, status: int, body: bytes) -> None:
        with pytest.raises(GatewayUnavailable) as caught:
            await answering(status, body).refund(refund("tgen_123"))
        assert not isinstance(caught.value, RefundKeySpent)

    async def test_wrong_keys_are_named_as_the_reason(self, toss: SimulatedToss) -> None:
        with pytest.raises(GatewayUnavailable) as caught:
            await toss.gateway(secret_key="test_sk_another").refund(refund("tgen_123"))
        assert caught.value.code == "gateway_rejected_keys"

    @pytest.mark.parametrize("key", ["", "../x", "tgen_1/confirm", "tgen_1?x"])
    async def test_key_that_is_none_is_refused_before_any_call(self, key: str) -> None:
        with pytest.raises(InvalidPaymentKey):
            await answering(200, b"{}").refund(refund(key))


class TestAtOnce:
    async def asked(self, toss: SimulatedToss, *refunds: Refund) -> list[object]:
        gateway = toss.gateway()
        calls = (gateway.refund(each) for each in refunds)
        return list(await asyncio.gather(*calls, return_exceptions=True))

    async def test_one_key(self, toss: SimulatedToss) -> None:
        key = await toss.paid(ORDER)
        await toss.control("PATCH", f"payments/{key}", cancellation={"seconds": 0.2})
        answers = await self.asked(toss, *[refund(key, 2000)] * 3)
        assert [type(each) for each in answers if each] == [GatewayUnavailable] * 2
        assert await canceled(toss, key) == [(2000, "DONE")]

    async def test_two_keys_and_one_balance(self, toss: SimulatedToss) -> None:
        key = await toss.paid(ORDER)
        other = refund(key, 2000, key="refund-another-key")
        answers = await self.asked(toss, refund(key, 2000), other)
        [declined] = [each for each in answers if isinstance(each, RefundDeclined)]
        assert declined.gateway_code == "NOT_MATCHES_REFUNDABLE_AMOUNT"
        assert await canceled(toss, key) == [(2000, "DONE")]
