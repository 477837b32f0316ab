"""Refunds through PortOne V2: what each answer to a cancellation says, and that none is doubled."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from structlog.testing import capture_logs

from coinslot.errors import GatewayTimeout, GatewayUnavailable, RefundDeclined
from coinslot.gateways.portone.v2.refund import check_taken_on
from tests.gateways.portone.v2.test_webhook import signed
from tests.support.portone_v2 import ORDER
from tests.support.refunds import KEY, account, raised, refund_of

if TYPE_CHECKING:
    from coinslot.gateways.base import GatewayPayment
    from tests.support.portone_v2 import SimulatedV2

OTHER_KEY = "refund_fedcba9876543210"


async def paid(v2: SimulatedV2, **turn: Any) -> GatewayPayment:  # noqa: ANN401
    transaction = await v2.pay(**turn)
    if turn.get("outcome") == "awaiting_deposit":
        await v2.control("POST", "deposit", payment_key=transaction)
    return await v2.gateway().read(ORDER, None)


async def now(v2: SimulatedV2) -> tuple[int, int, str]:
    found = await v2.gateway().read(ORDER, None)
    return found.refunded, found.refunding, found.state


def cancellations(v2: SimulatedV2) -> list[int]:
    return [each["totalAmount"] for each in v2.simulator.payments()[0].get("cancellations", [])]


async def ending(v2: SimulatedV2, how: str) -> None:
    """Sets how the cancellations asked for from now on end."""
    await v2.control("PUT", "settings", cancels=how)


class TestGivesBack:
    async def test_all(self, v2: SimulatedV2) -> None:
        await v2.gateway().refund(refund_of(await paid(v2)))
        assert await now(v2) == (5000, 0, "canceled")

    async def test_parts(self, v2: SimulatedV2) -> None:
        payment = await paid(v2)
        for number, (amount, expected) in enumerate(((1000, 1000), (1500, 2500), (None, 5000))):
            payment = await v2.gateway().read(ORDER, None)
            await v2.gateway().refund(refund_of(payment, amount, key=f"refund_0123456789_{number}"))
            assert (await now(v2))[0] == expected
        assert cancellations(v2) == [1000, 1500, 2500]

    async def test_what_a_promotion_paid_as_well(self, v2: SimulatedV2) -> None:
        await v2.gateway().refund(refund_of(await paid(v2, discount=1000)))
        assert await now(v2) == (5000, 0, "canceled")

    async def test_deposit_to_the_account_that_is_given(self, v2: SimulatedV2) -> None:
        payment = await paid(v2, outcome="awaiting_deposit")
        await v2.gateway().refund(refund_of(payment, account=account("SHINHAN")))
        assert await now(v2) == (5000, 0, "canceled")

    async def test_reason_is_bounded(self, v2: SimulatedV2) -> None:
        await v2.gateway().refund(refund_of(await paid(v2), reason="b" * 1000))
        [one] = v2.simulator.payments()[0]["cancellations"]
        assert one["reason"] == "b" * 200


class TestUnderWay:
    @pytest.mark.parametrize("amount", [None, 1000])
    async def test_succeeds_later(self, v2: SimulatedV2, amount: int | None) -> None:
        await ending(v2, "requested")
        refund = refund_of(await paid(v2), amount)
        await v2.gateway().refund(refund)
        assert await now(v2) == (0, refund.amount, "paid")
        await v2.control("POST", "settle_refund", payment_key=ORDER, outcome="succeeded")
        assert await now(v2) == (refund.amount, 0, "canceled" if amount is None else "paid")

    async def test_fails_later(self, v2: SimulatedV2) -> None:
        await ending(v2, "requested")
        payment = await paid(v2)
        await v2.gateway().refund(refund_of(payment))
        assert await now(v2) == (0, 5000, "paid")
        await v2.control("POST", "settle_refund", payment_key=ORDER, outcome="failed")
        assert await now(v2) == (0, 0, "paid")
        await ending(v2, "succeeded")
        await v2.gateway().refund(refund_of(payment, key=OTHER_KEY))
        assert await now(v2) == (5000, 0, "canceled")

    async def test_asked_again_answers_the_same_and_doubles_nothing(self, v2: SimulatedV2) -> None:
        await ending(v2, "requested")
        refund = refund_of(await paid(v2), 1000)
        for _ in range(3):
            await v2.gateway().refund(refund)
        assert await now(v2) == (0, 1000, "paid")

    @pytest.mark.parametrize("kind", ["CancelPending", "PartialCancelled", "Cancelled"])
    def test_webhook_leads_to_the_payment(self, v2: SimulatedV2, kind: str) -> None:
        named = {"paymentId": ORDER, "transactionId": "tx-1", "cancellationId": "c-1"}
        body = json.dumps({"type": f"Transaction.{kind}", "data": named}).encode()
        event = v2.gateway().parse_webhook(signed(body), body)
        assert event is not None
        assert (event.order_id, event.payment_key, event.claims_paid) == (ORDER, "tx-1", False)


class TestDeclined:
    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"refundable": 4999}, "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"),
            ({"amount": 5001}, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT"),
            ({"order_id": "ord_of-nobody-here"}, "PAYMENT_NOT_FOUND"),
            ({"account": account("no bank")}, "INVALID_REQUEST"),
            ({"key": "short"}, "INVALID_REQUEST"),
        ],
    )
    async def test_with_portones_code_and_nothing_changed(
        self, v2: SimulatedV2, changes: dict[str, Any], code: str
    ) -> None:
        payment = await paid(v2)
        with pytest.raises(RefundDeclined) as caught:
            await v2.gateway().refund(refund_of(payment, **changes))
        assert caught.value.gateway_code == code
        assert await now(v2) == (0, 0, "paid")

    async def test_deposit_without_an_account(self, v2: SimulatedV2) -> None:
        payment = await paid(v2, outcome="awaiting_deposit")
        with pytest.raises(RefundDeclined) as caught:
            await v2.gateway().refund(refund_of(payment))
        assert caught.value.gateway_code == "INVALID_REFUND_ACCOUNT_INFO"

    async def test_what_was_never_paid(self, v2: SimulatedV2) -> None:
        await v2.pay(outcome="failed")
        found = await v2.gateway().read(ORDER, None)
        with pytest.raises(RefundDeclined) as caught:
            await v2.gateway().refund(refund_of(found, amount=5000, refundable=5000))
        assert caught.value.gateway_code == "PAYMENT_NOT_PAID"

    async def test_what_is_back_already(self, v2: SimulatedV2) -> None:
        payment = await paid(v2)
        await v2.control("POST", "refund", payment_key=ORDER)
        with pytest.raises(RefundDeclined) as caught:
            await v2.gateway().refund(refund_of(payment))
        assert caught.value.gateway_code == "PAYMENT_ALREADY_CANCELLED"

    @pytest.mark.parametrize(
        ("how", "code"), [("pg_error", "REFUND_REJECTED"), ("failed", "FAILED")]
    )
    async def test_by_the_payment_company(self, v2: SimulatedV2, how: str, code: str) -> None:
        payment = await paid(v2)
        await ending(v2, how)
        with pytest.raises(RefundDeclined) as caught:
            await v2.gateway().refund(refund_of(payment))
        assert caught.value.gateway_code == code
        assert await now(v2) == (0, 0, "paid")

    async def test_without_the_buyers_account_in_it(self, v2: SimulatedV2) -> None:
        refund = refund_of(await paid(v2), account=account("SHINHAN"))
        answer = {"type": "PG_PROVIDER", "pgCode": "X", "pgMessage": "110-123456789 Hong Gildong"}
        with capture_logs() as logs, pytest.raises(RefundDeclined) as caught:
            check_taken_on(refund, httpx.Response(502, json=answer))
        assert caught.value.gateway_message == "… …"
        assert "Hong" not in f"{logs}{refund!r}{caught.value!r}"


class TestUnknown:
    @pytest.mark.parametrize("amount", [None, 1000])
    @pytest.mark.parametrize(
        ("kind", "took_effect"),
        [
            ("error_before", False),
            ("rate_limit", False),
            ("refused", False),
            ("error_after", True),
            ("drop_after", True),
            ("malformed", True),
            ("html", True),
        ],
    )
    async def test_asked_again_under_the_key_is_refunded_once(
        self, v2: SimulatedV2, kind: str, took_effect: bool, amount: int | None
    ) -> None:
        refund = refund_of(await paid(v2), amount)
        await v2.fault(kind, next=1, path="/cancel")
        with pytest.raises(GatewayUnavailable) as caught:
            await v2.gateway().refund(refund)
        assert caught.value.code != "refund_unknown"
        assert (await now(v2))[0] == (refund.amount if took_effect else 0)
        await v2.gateway().refund(refund)
        assert cancellations(v2) == [refund.amount]

    async def test_asked_again_when_the_key_is_forgotten_is_refunded_once(
        self, v2: SimulatedV2
    ) -> None:
        refund = refund_of(await paid(v2), 1000)
        await v2.fault("drop_after", next=1, path="/cancel")
        assert await raised(v2.gateway().refund(refund)) == "GatewayUnavailable"
        await v2.control("POST", "clock", advance_s=3 * 3600)
        assert await raised(v2.gateway().refund(refund)) == "RefundDeclined"
        assert cancellations(v2) == [1000]

    async def test_portones_own_failure_spends_the_key(self, v2: SimulatedV2) -> None:
        """It is kept under the key, and the checksum guards the next."""
        refund = refund_of(await paid(v2), 1000)
        await ending(v2, "server_error")
        assert await raised(v2.gateway().refund(refund)) == "RefundKeySpent"
        await ending(v2, "succeeded")
        assert await raised(v2.gateway().refund(refund)) == "RefundKeySpent"
        again = refund_of(await v2.gateway().read(ORDER, None), 1000, key=OTHER_KEY)
        await v2.gateway().refund(again)
        assert cancellations(v2) == [1000]

    async def test_slow_one_is_found_under_its_key(self, v2: SimulatedV2) -> None:
        refund = refund_of(await paid(v2), 1000)
        await v2.control("PUT", "settings", processing_s=0.5)
        with pytest.raises(GatewayTimeout):
            await v2.gateway(timeout=0.2).refund(refund)
        tries = 0
        while await raised(v2.gateway().refund(refund)):
            tries += 1
            assert tries < 200
            await asyncio.sleep(0.02)
        assert cancellations(v2) == [1000]

    async def test_keys_that_are_refused_decline_nothing(self, v2: SimulatedV2) -> None:
        payment = await paid(v2)
        with pytest.raises(GatewayUnavailable) as caught:
            await v2.gateway(api_secret="another").refund(refund_of(payment))
        assert caught.value.code == "gateway_rejected_keys"


@pytest.mark.parametrize("amount", [None, 1000])
async def test_many_at_once_are_one(v2: SimulatedV2, amount: int | None) -> None:
    """Under one key the first answer is given again; under two, the checksum lets one through."""
    payment = await paid(v2)
    await v2.control("PUT", "settings", processing_s=0.1)
    gateway = v2.gateway()
    keys = (KEY, OTHER_KEY) * 5
    tries = (raised(gateway.refund(refund_of(payment, amount, key=key))) for key in keys)
    outcomes = await asyncio.gather(*tries)
    # While a key's first try is under way the others wait; then they are answered as it was.
    by_key = [set(outcomes[n::2]) - {"GatewayUnavailable"} for n in range(2)]
    assert sorted(by_key, key=str) == sorted([{""}, {"RefundDeclined"}], key=str)
    assert cancellations(v2) == [amount or 5000]
