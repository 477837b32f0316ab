"""The PortOne V2 simulator behaves as the gateway's API schema has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.simulators.pauses import Pause
from tests.support.portone_v2 import API_SECRET, ORDER, SAMPLES

if TYPE_CHECKING:
    from tests.support.portone_v2 import SimulatedV2

KEY = {"Idempotency-Key": '"cancel-0123456789"'}


def shape(value: object) -> object:
    """Keys and types."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else type(value)


async def cancel(v2: SimulatedV2, **body: Any) -> tuple[int, Any]:  # noqa: ANN401
    return await v2.call("POST", "/cancel", **{"reason": "user request", **body})


class TestShapeOfSamples:
    @pytest.mark.parametrize(
        ("outcome", "sample"),
        [
            ("paid", "paid"),
            ("failed", "failed"),
            ("awaiting_deposit", "virtual_account_issued"),
        ],
    )
    async def test_outcome_of_the_window(self, v2: SimulatedV2, outcome: str, sample: str) -> None:
        await v2.pay(outcome=outcome)
        await self.compare(v2, sample)

    async def test_partly_canceled(self, v2: SimulatedV2) -> None:
        await v2.pay()
        await cancel(v2, amount=1100)
        await self.compare(v2, "partial_cancelled")

    @staticmethod
    async def compare(v2: SimulatedV2, name: str) -> None:
        status, payment = await v2.call("GET")
        assert (status, payment["status"]) == (200, SAMPLES[name]["status"])
        assert shape(payment) == shape(SAMPLES[name])


class TestAccess:
    @pytest.mark.parametrize("given", ["", "Bearer x", f"portone {API_SECRET}", "PortOne other"])
    async def test_wrong_secret(self, v2: SimulatedV2, given: str) -> None:
        status, body = await v2.call("GET", headers={"Authorization": given})
        assert (status, body) == (401, {"type": "UNAUTHORIZED"})

    async def test_store_of_somebody_else(self, v2: SimulatedV2) -> None:
        assert (await v2.call("GET", "?storeId=store-other"))[0] == 403
        refused = await v2.call("POST", "/pre-register", storeId="store-other")
        assert refused == (403, {"type": "FORBIDDEN"})

    async def test_unknown_payment(self, v2: SimulatedV2) -> None:
        not_found = (404, {"type": "PAYMENT_NOT_FOUND"})
        assert await v2.call("GET") == not_found
        assert await cancel(v2) == not_found
        assert await v2.call("POST", "/resend-webhook") == not_found

    async def test_body_of_another_form(self, v2: SimulatedV2) -> None:
        status, body = await v2.call("POST", "/pre-register", totalAmount="many")
        assert (status, body["type"]) == (400, "INVALID_REQUEST")
        assert (await v2.call("POST", "/cancel"))[1]["type"] == "INVALID_REQUEST"


class TestAttempts:
    async def test_many_fail_and_one_succeeds(self, v2: SimulatedV2) -> None:
        failed = await v2.pay(outcome="failed")
        assert (await v2.call("GET"))[1]["transactionId"] == failed
        paid = await v2.pay()
        assert (await v2.call("GET"))[1]["transactionId"] == paid
        assert len({failed, paid}) == 2
        for force in (False, True):
            code = await v2.refused("pay", order_id=ORDER, amount=5000, force=force)
            assert code == "already_paid"

    async def test_window_opened_with_what_was_not_registered_refuses(
        self, v2: SimulatedV2
    ) -> None:
        registered = await v2.call("POST", "/pre-register", totalAmount=5000, currency="KRW")
        assert registered == (200, {})
        for turn in ({"amount": 100}, {"amount": 5000, "currency": "USD"}):
            code = await v2.refused("pay", order_id=ORDER, **turn)
            assert code == "AmountNotEqualToPredefined"
        await v2.pay(amount=100, force=True)
        again = await v2.call("POST", "/pre-register", totalAmount=5000)
        assert again == (409, {"type": "ALREADY_PAID"})

    async def test_channel_says_whether_it_is_a_test(self, v2: SimulatedV2) -> None:
        await v2.pay(outcome="failed", live=True)
        assert (await v2.call("GET"))[1]["channel"]["type"] == "LIVE"
        await v2.pay()
        assert (await v2.call("GET"))[1]["channel"]["type"] == "TEST"
        await v2.pay("ord_another-one", outcome="abandoned")
        status, abandoned = await v2.call("GET", order_id="ord_another-one")
        assert (status, abandoned["status"], "channel" in abandoned) == (200, "READY", False)

    async def test_status_of_a_later_api(self, v2: SimulatedV2) -> None:
        transaction = await v2.pay()
        await v2.control("PATCH", f"payments/{transaction}", status="TELEPORTED")
        assert (await v2.call("GET"))[1]["status"] == "TELEPORTED"


class TestCanceling:
    async def test_parts_add_up_to_the_whole(self, v2: SimulatedV2) -> None:
        await v2.pay()
        status, body = await cancel(v2, amount=1000, currentCancellableAmount=5000)
        assert (status, body["cancellation"]["totalAmount"]) == (200, 1000)
        part = (await v2.call("GET"))[1]
        assert (part["status"], part["amount"]["cancelled"]) == ("PARTIAL_CANCELLED", 1000)
        assert (await cancel(v2))[1]["cancellation"]["totalAmount"] == 4000
        whole = (await v2.call("GET"))[1]
        assert (whole["status"], whole["amount"]["cancelled"]) == ("CANCELLED", 5000)

    @pytest.mark.parametrize(
        ("turn", "body", "refusal"),
        [
            ({"outcome": "failed"}, {}, "PAYMENT_NOT_PAID"),
            ({}, {"currentCancellableAmount": 4999}, "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"),
            ({}, {"amount": 5001}, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT"),
        ],
    )
    async def test_refusal_is_typed_and_changes_nothing(
        self, v2: SimulatedV2, turn: dict[str, Any], body: dict[str, Any], refusal: str
    ) -> None:
        await v2.pay(**turn)
        before = await v2.call("GET")
        assert await cancel(v2, **body) == (409, {"type": refusal})
        assert await v2.call("GET") == before

    async def test_twice(self, v2: SimulatedV2) -> None:
        await v2.pay()
        await cancel(v2)
        assert await cancel(v2) == (409, {"type": "PAYMENT_ALREADY_CANCELLED"})


class TestIdempotencyKey:
    async def test_same_key_answers_the_same_again(self, v2: SimulatedV2) -> None:
        await v2.pay()
        first = await v2.call("POST", "/cancel", headers=KEY, reason="x", amount=1000)
        again = await v2.call("POST", "/cancel", headers=KEY, reason="x", amount=1000)
        assert first == again
        assert (await v2.call("GET"))[1]["amount"]["cancelled"] == 1000

    async def test_refusal_is_answered_again_as_well(self, v2: SimulatedV2) -> None:
        await v2.pay(outcome="awaiting_deposit")
        over: dict[str, Any] = {"reason": "x", "amount": 6000}
        first = await v2.call("POST", "/cancel", headers=KEY, **over)
        await v2.control("POST", "deposit", payment_key=ORDER)
        assert await v2.call("POST", "/cancel", headers=KEY, **over) == first

    async def test_is_forgotten_after_three_hours(self, v2: SimulatedV2) -> None:
        await v2.pay()
        for expected in (1000, 2000):
            await v2.call("POST", "/cancel", headers=KEY, reason="x", amount=1000)
            assert (await v2.call("GET"))[1]["amount"]["cancelled"] == expected
            await v2.control("POST", "clock", advance_s=3 * 3600)

    async def test_under_way_is_a_conflict(
        self, v2: SimulatedV2, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await v2.pay()
        pause = Pause(monkeypatch, "simulators.portone.v2.api")
        await v2.control("PUT", "settings", processing_s=1)
        answers = await pause.race(
            lambda: v2.call("POST", "/cancel", headers=KEY, reason="x", amount=1000), 4
        )
        assert [status for status, _ in answers] == [200, 409, 409, 409, 409]
        assert {body.get("type") for status, body in answers if status == 409} == {
            "IDEMPOTENCY_OUTSTANDING_REQUEST"
        }
        assert (await v2.call("GET"))[1]["amount"]["cancelled"] == 1000

    @pytest.mark.parametrize("key", ["cancel-0123456789", '"short"', f'"{"k" * 257}"', '"a"b"' * 5])
    async def test_of_another_form_is_refused(self, v2: SimulatedV2, key: str) -> None:
        await v2.pay()
        status, body = await v2.call(
            "POST", "/cancel", headers={"Idempotency-Key": key}, reason="x"
        )
        assert (status, body["type"]) == (400, "INVALID_REQUEST")
        assert (await v2.call("GET"))[1]["status"] == "PAID"

    async def test_answer_lost_on_the_way_is_there_for_the_second_try(
        self, v2: SimulatedV2
    ) -> None:
        await v2.pay()
        await v2.fault("drop_after", next=1, path="/cancel")
        with pytest.raises(httpx.HTTPError):
            await v2.call("POST", "/cancel", headers=KEY, reason="x", amount=1000)
        status, _ = await v2.call("POST", "/cancel", headers=KEY, reason="x", amount=1000)
        assert (status, (await v2.call("GET"))[1]["amount"]["cancelled"]) == (200, 1000)


class TestVirtualAccount:
    async def test_is_paid_and_taken_back(self, v2: SimulatedV2) -> None:
        key = await v2.pay(outcome="awaiting_deposit")
        await v2.control("POST", "deposit", payment_key=key)
        assert (await v2.call("GET"))[1]["status"] == "PAID"
        assert await v2.refused("deposit", payment_key=key) == "not_possible"
        await v2.control("POST", "undo_deposit", payment_key=key)
        taken_back = (await v2.call("GET"))[1]
        assert (taken_back["status"], "paidAt" in taken_back) == ("VIRTUAL_ACCOUNT_ISSUED", False)

    async def test_canceled_before_the_deposit_was_never_paid(self, v2: SimulatedV2) -> None:
        await v2.pay(outcome="awaiting_deposit")
        await cancel(v2)
        canceled = (await v2.call("GET"))[1]
        assert (canceled["status"], "paidAt" in canceled) == ("CANCELLED", False)


class TestDispute:
    async def test_is_created_and_won(self, v2: SimulatedV2) -> None:
        key = await v2.pay()
        for status, expected in (("created", "UNRESOLVED"), ("won", "RESOLVED")):
            await v2.control("POST", "dispute", payment_key=key, status=status)
            assert (await v2.call("GET"))[1]["disputes"][0]["status"] == expected
        assert (await v2.call("GET"))[1]["status"] == "PAID"

    async def test_lost_is_a_cancellation_by_the_bank(self, v2: SimulatedV2) -> None:
        key = await v2.pay()
        await v2.control("POST", "dispute", payment_key=key, status="created")
        await v2.control("POST", "dispute", payment_key=key, status="lost")
        lost = (await v2.call("GET"))[1]
        assert (lost["status"], lost["cancellations"][0]["trigger"]) == ("CANCELLED", "CHARGEBACK")
