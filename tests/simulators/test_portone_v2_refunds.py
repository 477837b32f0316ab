"""Cancellations at the PortOne V2 simulator that take their time, fail, or go to an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.simulators.test_portone_v2 import KEY, cancel, shape
from tests.simulators.test_portone_v2_webhooks import receiving, types
from tests.support.portone_v2 import SAMPLES
from tests.support.servers import wait_until

if TYPE_CHECKING:
    from tests.support.portone_v2 import SimulatedV2

ACCOUNT = {"bank": "SHINHAN", "number": "110123456789", "holderName": "Hong"}


async def ending(v2: SimulatedV2, how: str) -> None:
    await v2.control("PUT", "settings", cancels=how)


async def shown(v2: SimulatedV2) -> tuple[str, int, list[str]]:
    payment = (await v2.call("GET"))[1]
    statuses = [each["status"] for each in payment.get("cancellations", [])]
    return payment["status"], payment["amount"]["cancelled"], statuses


class TestRequested:
    async def test_leaves_the_payment_as_it_is_until_it_is_settled(self, v2: SimulatedV2) -> None:
        key = await v2.pay()
        await ending(v2, "requested")
        status, body = await cancel(v2, amount=1000)
        assert (status, body["cancellation"]["status"]) == (200, "REQUESTED")
        assert "cancelledAt" not in body["cancellation"]
        assert await shown(v2) == ("PAID", 0, ["REQUESTED"])
        await v2.control("POST", "settle_refund", payment_key=key, outcome="succeeded")
        assert await shown(v2) == ("PARTIAL_CANCELLED", 1000, ["SUCCEEDED"])
        assert shape((await v2.call("GET"))[1]) == shape(SAMPLES["partial_cancelled"])

    async def test_that_fails_leaves_it_as_well(self, v2: SimulatedV2) -> None:
        key = await v2.pay()
        await ending(v2, "requested")
        await cancel(v2)
        over = (409, {"type": "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT"})
        assert await cancel(v2, amount=1) == over
        await v2.control("POST", "settle_refund", payment_key=key, outcome="failed")
        assert await shown(v2) == ("PAID", 0, ["FAILED"])
        code = await v2.refused("settle_refund", payment_key=key, outcome="failed")
        assert code == "not_possible"
        await ending(v2, "succeeded")
        await cancel(v2, currentCancellableAmount=5000)
        assert await shown(v2) == ("CANCELLED", 5000, ["FAILED", "SUCCEEDED"])

    async def test_webhooks(self, v2: SimulatedV2) -> None:
        key = await v2.pay()
        await ending(v2, "requested")
        async with receiving(v2) as got:
            for outcome in ("failed", "succeeded"):
                await cancel(v2, amount=1000)
                await v2.control("POST", "settle_refund", payment_key=key, outcome=outcome)
            # Of the one that failed there is none.
            await wait_until(lambda: len(got) == 3)
        assert sorted(types(got)) == [
            "Transaction.CancelPending",
            "Transaction.CancelPending",
            "Transaction.PartialCancelled",
        ]
        assert all(b"cancellationId" in body for _, body in got)

    async def test_at_the_console(self, v2: SimulatedV2) -> None:
        key = await v2.pay()
        await ending(v2, "requested")
        await v2.control("POST", "refund", payment_key=key, amount=2000)
        assert await shown(v2) == ("PAID", 0, ["REQUESTED"])


class TestFailing:
    @pytest.mark.parametrize(
        ("how", "status", "kind"),
        [("pg_error", 502, "PG_PROVIDER"), ("server_error", 500, "INTERNAL_SERVER_ERROR")],
    )
    async def test_error_is_kept_under_the_key(
        self, v2: SimulatedV2, how: str, status: int, kind: str
    ) -> None:
        await v2.pay()
        await ending(v2, how)
        for _ in range(2):
            answer = await v2.call("POST", "/cancel", headers=KEY, reason="x")
            assert (answer[0], answer[1]["type"]) == (status, kind)
            await ending(v2, "succeeded")
        assert await shown(v2) == ("PAID", 0, [])

    async def test_cancellation_that_failed_is_recorded(self, v2: SimulatedV2) -> None:
        await v2.pay()
        await ending(v2, "failed")
        status, body = await cancel(v2)
        assert (status, body["cancellation"]["status"]) == (200, "FAILED")
        assert await shown(v2) == ("PAID", 0, ["FAILED"])


class TestAccount:
    async def test_deposit_needs_one(self, v2: SimulatedV2) -> None:
        key = await v2.pay(outcome="awaiting_deposit")
        await v2.control("POST", "deposit", payment_key=key)
        status, body = await cancel(v2)
        assert (status, body["type"]) == (502, "PG_PROVIDER")
        assert (await cancel(v2, refundAccount=ACCOUNT))[0] == 200
        assert (await shown(v2))[0] == "CANCELLED"

    @pytest.mark.parametrize("wrong", [{"bank": "088"}, {"number": ""}, {"holderName": None}])
    async def test_of_another_form_is_refused(self, v2: SimulatedV2, wrong: dict[str, Any]) -> None:
        await v2.pay()
        status, body = await cancel(v2, refundAccount={**ACCOUNT, **wrong})
        assert (status, body["type"]) == (400, "INVALID_REQUEST")

    async def test_promotions_part_can_be_canceled_too(self, v2: SimulatedV2) -> None:
        await v2.pay(discount=1000)
        await cancel(v2, currentCancellableAmount=5000)
        assert await shown(v2) == ("CANCELLED", 5000, ["SUCCEEDED"])
