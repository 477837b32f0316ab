"""The Toss simulator against Toss's own samples and rules."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.simulators.pauses import Pause

if TYPE_CHECKING:
    from tests.support.toss import SimulatedToss

GATEWAYS = Path(__file__).parents[1] / "gateways"
SAMPLES = json.loads((GATEWAYS / "toss" / "samples.json").read_text())
CODES = json.loads((GATEWAYS / "toss" / "error_codes.json").read_text())
ORDER = "ord_0123456789ab"
TEN_MINUTES = 600


def shape(value: object) -> object:
    """Keys and types; a number is a number."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "number" if type(value) in {int, float} else type(value)


def code(answer: Any) -> tuple[int, str]:  # noqa: ANN401
    return answer.status_code, answer.json()["code"]


class TestSamples:
    """Answers have the keys, the types and the status of the samples."""

    def comparable(self, payment: dict[str, Any], name: str) -> bool:
        sample = SAMPLES[name]
        # A field that a card has and a virtual account lacks is null on either side.
        assert list(payment) == list(sample) or set(payment) == set(sample)
        for field, value in sample.items():
            if value is not None and field not in {"checkout", "receipt"}:
                assert shape(payment[field]) == shape(value), field
        assert payment["status"] == sample["status"]
        return True

    async def test_card(self, toss: SimulatedToss) -> None:
        key = await toss.pay(ORDER, 11000)
        done = (await toss.confirm(key, ORDER, 11000)).json()
        assert self.comparable(done, "payment_card_done")
        assert (done["suppliedAmount"], done["vat"]) == (10000, 1000)

    async def test_virtual_account(self, toss: SimulatedToss) -> None:
        key = await toss.pay(ORDER, 11000, outcome="awaiting_deposit")
        waiting = (await toss.confirm(key, ORDER, 11000)).json()
        assert self.comparable(waiting, "payment_vbank_waiting")
        assert waiting["virtualAccount"]["accountNumber"].startswith("X")
        await toss.control("POST", "deposit", payment_key=key)
        done = (await toss.call("GET", f"/{key}")).json()
        assert self.comparable(done, "payment_vbank_done")

    async def test_cancels(self, toss: SimulatedToss) -> None:
        key = await toss.pay(ORDER, 11000)
        await toss.confirm(key, ORDER, 11000)
        part = await toss.call("POST", f"/{key}/cancel", SAMPLES["cancel_request"])
        assert self.comparable(part.json(), "payment_partial_canceled")
        assert part.json()["balanceAmount"] == SAMPLES["payment_partial_canceled"]["balanceAmount"]
        key = await toss.pay("ord_another_one", 11000)
        await toss.confirm(key, "ord_another_one", 11000)
        whole = await toss.call("POST", f"/{key}/cancel", {"cancelReason": "user request"})
        assert self.comparable(whole.json(), "payment_canceled")

    @pytest.mark.parametrize(
        ("name", "status"), [("error_404", 404), ("error_401", 401), ("error_already", 400)]
    )
    async def test_errors(self, toss: SimulatedToss, name: str, status: int) -> None:
        key = await toss.pay(ORDER)
        await toss.confirm(key, ORDER)
        calls = {
            "error_404": toss.call("GET", "/nosuchpayment"),
            "error_401": toss.http.get(f"{toss.url}/v1/payments/x", auth=("test_sk_x", "")),
            "error_already": toss.confirm(key, ORDER),
        }
        answers = dict(zip(calls, await asyncio.gather(*calls.values()), strict=True))
        assert (answers[name].status_code, answers[name].json()) == (status, SAMPLES[name])

    @pytest.mark.parametrize("call", ["confirm", "lookup", "cancel", "idempotency"])
    async def test_every_published_code_has_its_status(
        self, toss: SimulatedToss, call: str
    ) -> None:
        key = await toss.pay(ORDER)
        for name, status in CODES[call].items():
            forced = await toss.confirm(key, ORDER, TossPayments_Test_Code=name)
            assert code(forced) == (status, name)
        for name, sentence in CODES["messages_ko"].items():
            said = (await toss.confirm(key, ORDER, TossPayments_Test_Code=name)).json()["message"]
            assert said in {sentence, "요청을 처리하지 못했습니다."}


class TestKeys:
    async def test_published_vector(self) -> None:
        encoded = base64.b64encode(b"test_sk_zXLkKEypNArWmo50nX3lmeaxYG5R:").decode()
        assert encoded == "dGVzdF9za196WExrS0V5cE5BcldtbzUwblgzbG1lYXhZRzVSOg=="

    @pytest.mark.parametrize(
        ("authorization", "expected"),
        [
            ("", (401, "UNAUTHORIZED_KEY")),
            ("Bearer test_sk_sandbox", (401, "UNAUTHORIZED_KEY")),
            ("Basic ???", (400, "INVALID_API_KEY")),
            (b"test_sk_sandbox", (403, "INCORRECT_BASIC_AUTH_FORMAT")),
            (b"test_sk_another:", (401, "UNAUTHORIZED_KEY")),
            (b"test_sk_sandbox:", (404, "NOT_FOUND_PAYMENT")),
        ],
    )
    async def test_are_wanted_as_user_without_password(
        self, toss: SimulatedToss, authorization: str | bytes, expected: tuple[int, str]
    ) -> None:
        if isinstance(authorization, bytes):
            authorization = f"Basic {base64.b64encode(authorization).decode()}"
        headers = {"Authorization": authorization}
        answer = await toss.http.get(f"{toss.url}/v1/payments/nosuchpayment", headers=headers)
        assert code(answer) == expected


class TestConfirming:
    async def test_buyer_only_agrees(self, toss: SimulatedToss) -> None:
        carried = await toss.control("POST", "pay", order_id=ORDER, amount=5000)
        assert carried == {"paymentKey": carried["paymentKey"], "orderId": ORDER, "amount": 5000}
        payment = (await toss.call("GET", f"/orders/{ORDER}")).json()
        assert (payment["status"], payment["approvedAt"]) == ("IN_PROGRESS", None)

    @pytest.mark.parametrize(
        ("order_id", "amount", "expected"),
        [
            (ORDER, 4999, (400, "INVALID_REQUEST")),
            ("ord_another_one", 5000, (404, "NOT_FOUND_PAYMENT_SESSION")),
        ],
    )
    async def test_other_order_or_amount_takes_nothing(
        self, toss: SimulatedToss, order_id: str, amount: int, expected: tuple[int, str]
    ) -> None:
        key = await toss.pay(ORDER)
        assert code(await toss.confirm(key, order_id, amount)) == expected
        assert (await toss.call("GET", f"/{key}")).json()["status"] == "IN_PROGRESS"

    async def test_session_ends_after_ten_minutes(self, toss: SimulatedToss) -> None:
        in_time, late = await toss.pay(ORDER), await toss.pay("ord_another_one")
        await toss.control("POST", "clock", advance_s=TEN_MINUTES - 5)
        assert (await toss.confirm(in_time, ORDER)).status_code == 200
        await toss.control("POST", "clock", advance_s=10)
        refused = await toss.confirm(late, "ord_another_one")
        assert code(refused) == (404, "NOT_FOUND_PAYMENT_SESSION")
        assert refused.json() == SAMPLES["error_session"]
        assert (await toss.call("GET", f"/{late}")).json()["status"] == "EXPIRED"

    async def test_window_that_is_left_open_ends_after_thirty(self, toss: SimulatedToss) -> None:
        left = await toss.control(
            "POST", "pay", order_id=ORDER, amount=5000, outcome="abandoned", webhook="none"
        )
        assert (left["code"], left["orderId"]) == ("PAY_PROCESS_CANCELED", ORDER)
        assert (await toss.call("GET", f"/orders/{ORDER}")).json()["status"] == "READY"
        await toss.control("POST", "clock", advance_s=30 * 60 + 5)
        assert (await toss.call("GET", f"/orders/{ORDER}")).json()["status"] == "EXPIRED"

    async def test_order_is_confirmed_once(self, toss: SimulatedToss) -> None:
        first, second = await toss.pay(ORDER), await toss.pay(ORDER)
        assert (await toss.confirm(first, ORDER)).status_code == 200
        assert code(await toss.confirm(second, ORDER)) == (400, "DUPLICATED_ORDER_ID")
        again = await toss.http.post(
            f"{toss.url}/_sim/pay", json={"order_id": ORDER, "amount": 5000}
        )
        assert code(again) == (409, "already_paid")

    @pytest.mark.parametrize(
        ("language", "message"),
        [("", SAMPLES["error_reject"]["message"]), ("en-US", "The card company declined")],
    )
    async def test_declined_card(self, toss: SimulatedToss, language: str, message: str) -> None:
        key = await toss.pay(ORDER, outcome="failed")
        headers = {"Accept_Language": language} if language else {}
        refused = await toss.confirm(key, ORDER, **headers)
        assert code(refused) == (403, "REJECT_CARD_COMPANY")
        assert refused.json()["message"].startswith(message)
        payment = (await toss.call("GET", f"/{key}")).json()
        assert (payment["status"], payment["failure"]["code"]) == ("ABORTED", "REJECT_CARD_COMPANY")


class TestIdempotencyKey:
    async def test_answer_is_repeated_whatever_the_body(self, toss: SimulatedToss) -> None:
        key, other = await toss.pay(ORDER), await toss.pay("ord_another_one")
        first = await toss.confirm(key, ORDER, Idempotency_Key="k1")
        again = await toss.confirm(other, "ord_another_one", Idempotency_Key="k1")
        assert (again.status_code, again.json()) == (200, first.json())
        assert (await toss.call("GET", f"/{other}")).json()["status"] == "IN_PROGRESS"

    async def test_error_is_repeated_for_fifteen_days(self, toss: SimulatedToss) -> None:
        key = await toss.pay(ORDER)
        refused = await toss.confirm(key, ORDER, 1, Idempotency_Key="k1")
        assert (await toss.confirm(key, ORDER, Idempotency_Key="k1")).json() == refused.json()
        await toss.control("POST", "clock", advance_s=15 * 86400 + 1)
        answer = await toss.confirm(key, ORDER, Idempotency_Key="k1")
        assert code(answer) == (404, "NOT_FOUND_PAYMENT_SESSION")

    async def test_call_under_way_is_a_conflict(
        self, toss: SimulatedToss, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = await toss.pay(ORDER)
        pause = Pause(monkeypatch, "simulators.toss.api")
        await toss.control("PATCH", f"payments/{key}", approval={"seconds": 1})
        answers = await pause.race(lambda: toss.confirm(key, ORDER, Idempotency_Key="k1"), 2)
        assert [answer.status_code for answer in answers] == [200, 409, 409]

    async def test_is_at_most_300_long(self, toss: SimulatedToss) -> None:
        key = await toss.pay(ORDER)
        answer = await toss.confirm(key, ORDER, Idempotency_Key="k" * 301)
        assert code(answer) == (400, "INVALID_IDEMPOTENCY_KEY")
        assert (await toss.confirm(key, ORDER, Idempotency_Key="k" * 300)).status_code == 200


class TestCanceling:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({}, (400, "INVALID_REQUEST")),
            ({"cancelAmount": 5001}, (403, "NOT_CANCELABLE_AMOUNT")),
            ({"refundableAmount": 4000}, (400, "NOT_MATCHES_REFUNDABLE_AMOUNT")),
        ],
    )
    async def test_refusals(
        self, toss: SimulatedToss, body: dict[str, Any], expected: tuple[int, str]
    ) -> None:
        key = await toss.pay(ORDER)
        reason = {"cancelReason": "x"} if body else {}
        unpaid = await toss.call("POST", f"/{key}/cancel", {"cancelReason": "x"})
        assert code(unpaid) == (403, "NOT_CANCELABLE_PAYMENT")
        await toss.confirm(key, ORDER)
        assert code(await toss.call("POST", f"/{key}/cancel", {**reason, **body})) == expected
        assert (await toss.call("GET", f"/{key}")).json()["balanceAmount"] == 5000

    async def test_parts_add_up_and_say_what_is_left(self, toss: SimulatedToss) -> None:
        key = await toss.pay(ORDER)
        await toss.confirm(key, ORDER)
        for amount, left in ((1000, 4000), (1500, 2500), (None, 0)):
            body = {"cancelReason": "x", **({"cancelAmount": amount} if amount else {})}
            payment = (await toss.call("POST", f"/{key}/cancel", body)).json()
            assert payment["cancels"][-1]["refundableAmount"] == payment["balanceAmount"] == left
        assert (payment["status"], len(payment["cancels"])) == ("CANCELED", 3)
        again = await toss.call("POST", f"/{key}/cancel", {"cancelReason": "x"})
        assert code(again) == (400, "ALREADY_CANCELED_PAYMENT")

    async def test_deposit_is_sent_back_to_an_account_only(self, toss: SimulatedToss) -> None:
        key = await toss.pay(ORDER, outcome="awaiting_deposit")
        await toss.confirm(key, ORDER)
        path, request = f"/{key}/cancel", SAMPLES["cancel_request_vbank"]
        part = await toss.call("POST", path, {"cancelReason": "x", "cancelAmount": 1})
        assert code(part) == (403, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT")
        await toss.control("POST", "deposit", payment_key=key)
        bare = await toss.call("POST", path, {"cancelReason": "x"})
        assert code(bare) == (400, "INVALID_REFUND_ACCOUNT_INFO")
        account = {**request["refundReceiveAccount"], "accountNumber": "10-2"}
        dashed = await toss.call("POST", path, {**request, "refundReceiveAccount": account})
        assert code(dashed) == (400, "INVALID_REFUND_ACCOUNT_NUMBER")
        assert (await toss.call("POST", path, request)).json()["status"] == "CANCELED"


class TestVirtualAccount:
    async def test_deposit_may_be_undone_and_made_again(self, toss: SimulatedToss) -> None:
        key = await toss.pay(ORDER, outcome="awaiting_deposit")
        await toss.confirm(key, ORDER)
        seen = []
        for step in ("deposit", "undo_deposit", "deposit"):
            await toss.control("POST", step, payment_key=key)
            payment = (await toss.call("GET", f"/{key}")).json()
            seen.append((payment["status"], payment["approvedAt"] is not None))
        assert seen == [("DONE", True), ("WAITING_FOR_DEPOSIT", False), ("DONE", True)]

    async def test_expires_without_another_status(self, toss: SimulatedToss) -> None:
        key = await toss.pay(ORDER, outcome="awaiting_deposit")
        await toss.confirm(key, ORDER)
        await toss.control("POST", "clock", advance_s=8 * 86400)
        payment = (await toss.call("GET", f"/{key}")).json()
        assert (payment["status"], payment["virtualAccount"]["expired"]) == (
            "WAITING_FOR_DEPOSIT",
            True,
        )
        late = await toss.http.post(f"{toss.url}/_sim/deposit", json={"payment_key": key})
        assert late.status_code == 409

    async def test_without_a_deposit_is_closed_at_once(self, toss: SimulatedToss) -> None:
        """No money is sent back that could take its time, or not arrive."""
        key = await toss.pay(ORDER, outcome="awaiting_deposit")
        await toss.confirm(key, ORDER)
        await toss.control("PATCH", f"payments/{key}", cancellation={"pending": True})
        closed = (await toss.cancel(key)).json()
        assert [each["cancelStatus"] for each in closed["cancels"]] == ["DONE"]
        assert (closed["status"], closed["approvedAt"]) == ("CANCELED", None)
