"""The PortOne V1 simulator behaves as the gateway is documented to, and as its clients recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.simulators.calls import ORDER, SAMPLES, call, cancel, read
from tests.support.portone import KEY, SECRET

if TYPE_CHECKING:
    from tests.support.portone import Simulated


def shape(value: object) -> object:
    """Keys and types; a number is a number."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value)
    )


class TestShapeOfSamples:
    async def test_paid(self, sim: Simulated) -> None:
        imp_uid = await sim.pay(ORDER, amount=11000)
        assert self.comparable(await read(sim, imp_uid), "payment_paid")

    async def test_vbank_ready(self, sim: Simulated) -> None:
        imp_uid = await sim.pay(ORDER, amount=11000, outcome="awaiting_deposit")
        assert self.comparable(await read(sim, imp_uid), "payment_vbank_ready")

    async def test_failed(self, sim: Simulated) -> None:
        imp_uid = await sim.pay(ORDER, amount=11000, outcome="failed")
        assert self.comparable(await read(sim, imp_uid), "payment_failed")

    async def test_partially_cancelled(self, sim: Simulated) -> None:
        imp_uid = await sim.pay(ORDER, amount=11000)
        await cancel(sim, imp_uid, amount=1100, reason="user request")
        assert self.comparable(await read(sim, imp_uid), "payment_partially_cancelled")

    async def test_fully_cancelled(self, sim: Simulated) -> None:
        imp_uid = await sim.pay(ORDER, amount=11000)
        answer = await cancel(sim, imp_uid, reason="user request")
        assert self.comparable(answer, "payment_fully_cancelled")

    async def test_unknown_payment(self, sim: Simulated) -> None:
        answer = await read(sim, "imp_1")
        assert answer == {**SAMPLES["payment_404"], "http": 404}

    async def test_prepare(self, sim: Simulated) -> None:
        body = {"merchant_uid": "topup_01HZX3", "amount": 11000}
        answer = await call(sim, "POST", "/payments/prepare", json=body)
        assert answer == {**SAMPLES["prepare_200"], "http": 200}

    async def test_cancel_of_nothing(self, sim: Simulated) -> None:
        answer = await cancel(sim, "imp_1")
        assert answer == {**SAMPLES["cancel_unknown_http200"], "http": 200}

    async def test_cancel_twice(self, sim: Simulated) -> None:
        imp_uid = await sim.pay(ORDER, amount=11000)
        await cancel(sim, imp_uid)
        assert await cancel(sim, imp_uid) == {**SAMPLES["cancel_again_http200"], "http": 200}

    async def test_token(self, sim: Simulated) -> None:
        answer = await sim.http.post(
            f"{sim.url}/users/getToken", data={"imp_key": KEY, "imp_secret": SECRET}
        )
        assert shape(answer.json()) == shape(SAMPLES["getToken_200"])

    @staticmethod
    def comparable(answer: dict[str, Any], name: str) -> bool:
        """Same keys and types as the sample, and the same status."""
        assert answer.pop("http") == 200
        assert shape(answer) == shape(SAMPLES[name])
        assert answer["response"]["status"] == SAMPLES[name]["response"]["status"]
        return True


class TestToken:
    async def token(self, sim: Simulated, **body: str) -> httpx.Response:
        given = {"imp_key": KEY, "imp_secret": SECRET, **body}
        return await sim.http.post(f"{sim.url}/users/getToken", json=given)

    async def test_asked_again_is_the_same(self, sim: Simulated) -> None:
        first = (await self.token(sim)).json()["response"]
        await sim.control("POST", "clock", advance_s=600)
        again = (await self.token(sim)).json()["response"]
        assert again["access_token"] == first["access_token"]
        assert again["expired_at"] == first["expired_at"]

    async def test_in_its_last_minute_is_extended(self, sim: Simulated) -> None:
        first = (await self.token(sim)).json()["response"]
        await sim.control("POST", "clock", advance_s=29 * 60 + 30)
        again = (await self.token(sim)).json()["response"]
        assert again["access_token"] == first["access_token"]
        assert again["expired_at"] == first["expired_at"] + 300

    async def test_expired_is_refused_and_replaced(self, sim: Simulated) -> None:
        first = (await self.token(sim)).json()["response"]["access_token"]
        await sim.control("POST", "clock", advance_s=1801)
        refused = await sim.http.get(
            f"{sim.url}/payments/imp_1", headers={"Authorization": f"Bearer {first}"}
        )
        assert refused.status_code == 401
        assert (await self.token(sim)).json()["response"]["access_token"] != first

    async def test_wrong_and_missing_keys(self, sim: Simulated) -> None:
        wrong = await self.token(sim, imp_secret="another")
        assert (wrong.status_code, shape(wrong.json())) == (401, shape(SAMPLES["getToken_401"]))
        missing = await sim.http.post(f"{sim.url}/users/getToken", json={"imp_key": KEY})
        assert (missing.status_code, missing.json()["code"]) == (400, -1)

    async def test_bare_token_counts(self, sim: Simulated) -> None:
        token = (await self.token(sim)).json()["response"]["access_token"]
        answer = await sim.http.get(f"{sim.url}/payments/imp_1", headers={"Authorization": token})
        assert answer.status_code == 404


class TestReading:
    async def test_test_payment_is_hidden_unless_asked_for(self, sim: Simulated) -> None:
        imp_uid = await sim.pay(ORDER, amount=5000)
        live = await sim.pay(ORDER, amount=5000, live=True, force=True)
        assert (await call(sim, "GET", f"/payments/{imp_uid}"))["http"] == 404
        assert (await read(sim, imp_uid))["response"]["sandbox"] is True
        assert (await call(sim, "GET", f"/payments/{live}"))["response"]["sandbox"] is False

    async def test_find_honours_status_and_sorting(self, sim: Simulated) -> None:
        failed = await sim.pay(ORDER, amount=5000, outcome="failed")
        paid = await sim.pay(ORDER, amount=5000)
        found = [
            (await call(sim, "GET", f"/payments/find/{ORDER}{rest}"))["response"]["imp_uid"]
            for rest in ("", "?sorting=started", "/failed", "/paid")
        ]
        assert found == [paid, failed, failed, paid]
        every = await call(sim, "GET", f"/payments/findAll/{ORDER}?limit=1")
        assert (every["response"]["total"], every["response"]["next"]) == (2, 2)
        assert (await call(sim, "GET", f"/payments/find/{ORDER}/cancelled"))["http"] == 404


class TestPreparing:
    async def test_is_read_and_changed(self, sim: Simulated) -> None:
        body = {"merchant_uid": ORDER, "amount": 5000}
        assert (await call(sim, "GET", f"/payments/prepare/{ORDER}"))["http"] == 404
        assert (await call(sim, "PUT", "/payments/prepare", data=body))["http"] == 404
        assert (await call(sim, "POST", "/payments/prepare", data=body))["code"] == 0
        assert (await call(sim, "POST", "/payments/prepare", data=body))["code"] != 0
        changed = await call(sim, "PUT", "/payments/prepare", data={**body, "amount": 400})
        assert changed["response"]["amount"] == 400
        shown = await call(sim, "GET", f"/payments/prepare/{ORDER}")
        assert shown["response"]["amount"] == 400

    async def test_blocks_another_amount_unless_forced(self, sim: Simulated) -> None:
        await call(sim, "POST", "/payments/prepare", json={"merchant_uid": ORDER, "amount": 5000})
        turn = {"order_id": ORDER, "amount": 100}
        refused = await sim.http.post(f"{sim.url}/_sim/pay", json=turn)
        assert refused.status_code == 409
        forced = await sim.pay(ORDER, amount=100, force=True)
        assert (await read(sim, forced))["response"]["amount"] == 100

    async def test_paid_order_is_not_paid_again_unless_forced(self, sim: Simulated) -> None:
        await sim.pay(ORDER, amount=5000)
        refused = await sim.http.post(
            f"{sim.url}/_sim/pay", json={"order_id": ORDER, "amount": 5000}
        )
        assert (refused.status_code, refused.json()["code"]) == (409, "already_paid")
        assert await sim.pay(ORDER, amount=5000, force=True)


class TestCancelling:
    async def test_parts_add_up_to_the_whole(self, sim: Simulated) -> None:
        imp_uid = await sim.pay(ORDER, amount=5000)
        await cancel(sim, imp_uid, amount=1000, checksum=5000)
        part = (await cancel(sim, imp_uid, amount=1500, checksum=4000))["response"]
        assert (part["cancel_amount"], part["status"], part["amount"]) == (2500, "paid", 5000)
        whole = (await cancel(sim, imp_uid, amount=0))["response"]
        assert (whole["cancel_amount"], whole["status"]) == (5000, "cancelled")
        assert [part["amount"] for part in whole["cancel_history"]] == [1000, 1500, 2500]

    @pytest.mark.parametrize("body", [{"checksum": 4999}, {"amount": 5001}])
    async def test_refusal_is_http_200_with_a_code(
        self, sim: Simulated, body: dict[str, int]
    ) -> None:
        imp_uid = await sim.pay(ORDER, amount=5000)
        answer = await cancel(sim, imp_uid, **body)
        assert (answer["http"], answer["code"]) == (200, 1)
        assert (await read(sim, imp_uid))["response"]["cancel_amount"] == 0

    async def test_wrong_imp_uid_wins_over_the_right_merchant_uid(self, sim: Simulated) -> None:
        await sim.pay(ORDER, amount=5000)
        assert (await cancel(sim, "imp_1", merchant_uid=ORDER))["code"] == 1
        answer = await call(sim, "POST", "/payments/cancel", data={"merchant_uid": ORDER})
        assert answer["response"]["status"] == "cancelled"

    async def test_deposit_goes_back_to_an_account_that_has_to_be_given(
        self, sim: Simulated
    ) -> None:
        imp_uid = await sim.pay(ORDER, amount=5000, outcome="awaiting_deposit")
        await sim.control("POST", "deposit", payment_key=imp_uid)
        assert (await cancel(sim, imp_uid, refund_bank="088", refund_holder="Kim"))["code"] == 1
        account = {"refund_bank": "088", "refund_account": "110123456789", "refund_holder": "Kim"}
        assert (await cancel(sim, imp_uid, **account))["response"]["status"] == "cancelled"

    @pytest.mark.parametrize("outcome", ["failed", "abandoned"])
    async def test_what_was_never_paid_is_nothing_to_cancel(
        self, sim: Simulated, outcome: str
    ) -> None:
        imp_uid = await sim.pay(ORDER, amount=5000, outcome=outcome)
        answer = await cancel(sim, imp_uid)
        assert answer == {**SAMPLES["cancel_unknown_http200"], "http": 200}


class TestVirtualAccount:
    async def test_is_paid_and_taken_back(self, sim: Simulated) -> None:
        imp_uid = await sim.pay(ORDER, amount=5000, outcome="awaiting_deposit")
        await sim.control("POST", "deposit", payment_key=imp_uid)
        assert (await read(sim, imp_uid))["response"]["status"] == "paid"
        await sim.control("POST", "undo_deposit", payment_key=imp_uid)
        taken_back = (await read(sim, imp_uid))["response"]
        assert (taken_back["status"], taken_back["paid_at"]) == ("ready", 0)

    async def test_is_not_taken_back_once_a_part_was_given_back(self, sim: Simulated) -> None:
        imp_uid = await sim.pay(ORDER, amount=5000, outcome="awaiting_deposit")
        await sim.control("POST", "deposit", payment_key=imp_uid)
        account = {"refund_bank": "088", "refund_account": "110123456789", "refund_holder": "Kim"}
        assert (await cancel(sim, imp_uid, amount=1000, **account))["http"] == 200
        undo = {"payment_key": imp_uid}
        answer = await sim.http.post(f"{sim.url}/_sim/undo_deposit", json=undo)
        assert answer.status_code == 409
        assert (await read(sim, imp_uid))["response"]["status"] == "paid"

    async def test_card_has_no_deposit(self, sim: Simulated) -> None:
        imp_uid = await sim.pay(ORDER, amount=5000)
        for what in ("deposit", "undo_deposit"):
            answer = await sim.http.post(f"{sim.url}/_sim/{what}", json={"payment_key": imp_uid})
            assert answer.status_code == 409


class TestFaults:
    async def test_error_after_takes_effect_and_error_before_does_not(self, sim: Simulated) -> None:
        imp_uid = await sim.pay(ORDER, amount=5000)
        await sim.fault("error_before", next=1, path="/cancel")
        assert (await cancel(sim, imp_uid, amount=1000))["http"] == 500
        assert (await read(sim, imp_uid))["response"]["cancel_amount"] == 0
        await sim.fault("error_after", next=1, path="/cancel")
        assert (await cancel(sim, imp_uid, amount=1000))["http"] == 500
        assert (await read(sim, imp_uid))["response"]["cancel_amount"] == 1000

    async def test_dropped_answer_takes_effect(self, sim: Simulated) -> None:
        imp_uid = await sim.pay(ORDER, amount=5000)
        await sim.fault("drop_after", next=1, path="/cancel")
        with pytest.raises(httpx.HTTPError):
            await cancel(sim, imp_uid, amount=1000)
        assert (await read(sim, imp_uid))["response"]["cancel_amount"] == 1000

    async def test_share_hits_about_that_many(self, sim: Simulated) -> None:
        await sim.fault("rate_limit", share=0.5)
        answers = [
            (await sim.http.post(f"{sim.url}/users/getToken", json={})).status_code
            for _ in range(60)
        ]
        assert 15 <= answers.count(429) <= 45
        assert answers.count(429) + answers.count(400) == 60
