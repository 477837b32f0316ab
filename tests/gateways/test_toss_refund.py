"""Refunds with the Toss client: taken on, declined, or unknown, and never given twice."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from structlog.testing import capture_logs

from sidecar.errors import (
    GatewayTimeout,
    GatewayUnavailable,
    InvalidPaymentKey,
    RefundDeclined,
    RefundKeySpent,
)
from sidecar.gateways.base import Refund, RefundAccount
from sidecar.gateways.http import GatewayHttp
from sidecar.gateways.toss import Toss
from tests.support.servers import wait_until

if TYPE_CHECKING:
    from tests.support.toss import SimulatedToss

CODES = json.loads((Path(__file__).parent / "toss_error_codes.json").read_text())
ORDER = "ord_0123456789ab"
ACCOUNT = RefundAccount("20", "1000123456789", "김토큰")
OUR_KEYS = {"UNAUTHORIZED_KEY", "INVALID_API_KEY", "INCORRECT_BASIC_AUTH_FORMAT"}
REPEATED = {"PROVIDER_ERROR", "CARD_PROCESSING_ERROR", "FORBIDDEN_CONSECUTIVE_REQUEST"}


def refund(
    payment: str,
    amount: int = 5000,
    refundable: int = 5000,
    **changes: Any,  # noqa: ANN401
) -> Refund:
    given = Refund(ORDER, payment, amount, refundable, "KRW", "변심", "refund-0123456789")
    return replace(given, **changes)


async def facts(toss: SimulatedToss, key: str) -> tuple[str, int, int]:
    read = await toss.gateway().read(None, key)
    return read.state, read.refunded, read.refunding


async def canceled(toss: SimulatedToss, key: str) -> list[tuple[int, str]]:
    """Every cancel that Toss keeps of the payment."""
    payment = (await toss.call("GET", f"/{key}")).json()
    return [(each["cancelAmount"], each["cancelStatus"]) for each in payment["cancels"] or []]


def answering(status: int, body: bytes) -> Toss:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
    http = GatewayHttp(httpx.AsyncClient(transport=transport), "http://toss.test", 5)
    return Toss(http, client_key="test_ck_x", secret_key="test_sk_x", frontend_url="http://x")


class TestTakenOn:
    async def test_all_of_it(self, toss: SimulatedToss) -> None:
        key = await toss.paid(ORDER)
        await toss.gateway().refund(refund(key))
        assert await facts(toss, key) == ("canceled", 5000, 0)
        under = f"/toss/v1/payments/{key}/cancel cancel:refund-0123456789"
        assert toss.simulator.store.get("replay", under) is not None

    async def test_parts_until_nothing_is_left(self, toss: SimulatedToss) -> None:
        key, left, seen = await toss.paid(ORDER), 5000, []
        for number, amount in enumerate((1000, 1500, 2500)):
            part = refund(key, amount, left, key=f"refund-of-part-{number}")
            await toss.gateway().refund(part)
            left -= amount
            seen.append(await facts(toss, key))
        assert seen == [("paid", 1000, 0), ("paid", 2500, 0), ("canceled", 5000, 0)]

    async def test_currency_with_decimals(self, toss: SimulatedToss) -> None:
        key = await toss.paid(ORDER, 181.56, currency="USD")
        await toss.gateway().refund(refund(key, 1006, 18156, currency="USD"))
        assert await canceled(toss, key) == [(10.06, "DONE")]

    @pytest.mark.parametrize(
        ("reason", "sent"),
        [("x" * 300, "x" * 200), ("  ", "refund"), ("a\x00b\ud800", "ab?"), ("환불", "환불")],
    )
    async def test_reason_fits_what_toss_takes(
        self, toss: SimulatedToss, reason: str, sent: str
    ) -> None:
        key = await toss.paid(ORDER)
        await toss.gateway().refund(refund(key, reason=reason))
        [payment] = toss.simulator.payments()
        assert payment["cancels"][0]["cancelReason"] == sent

    async def test_deposit_goes_back_to_the_account(self, toss: SimulatedToss) -> None:
        key = await toss.paid(ORDER, outcome="awaiting_deposit")
        await toss.gateway().refund(refund(key, account=ACCOUNT))
        [payment] = toss.simulator.payments()
        assert payment["virtualAccount"]["refundReceiveAccount"] == {
            "bankCode": "20",
            "accountNumber": "1000123456789",
            "holderName": "김토큰",
        }
        assert await facts(toss, key) == ("canceled", 5000, 0)


class TestTakesTime:
    @pytest.mark.parametrize(
        ("status", "expected"), [("succeeded", ("paid", 2000, 0)), ("failed", ("paid", 0, 0))]
    )
    async def test_method_abroad(
        self, toss: SimulatedToss, status: str, expected: tuple[str, int, int]
    ) -> None:
        key = await toss.paid(ORDER, method="FOREIGN_EASY_PAY")
        await toss.gateway().refund(refund(key, 2000))
        assert await facts(toss, key) == ("paid", 0, 2000)
        await toss.control("POST", "refund_status", payment_key=key, status=status)
        assert await facts(toss, key) == expected

    async def test_one_that_failed_can_be_asked_for_again(self, toss: SimulatedToss) -> None:
        key = await toss.paid(ORDER, method="FOREIGN_EASY_PAY")
        for number, status in enumerate(("failed", "succeeded")):
            await toss.gateway().refund(refund(key, key=f"refund-at-try-{number}"))
            assert await facts(toss, key) == ("paid", 0, 5000)
            await toss.control("POST", "refund_status", payment_key=key, status=status)
        assert await facts(toss, key) == ("canceled", 5000, 0)
        assert await canceled(toss, key) == [(5000, "ABORTED"), (5000, "DONE")]

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            ("succeeded", ("canceled", 5000, 0)),
            ("failed", ("paid", 0, 5000)),
            ("returned", ("paid", 0, 0)),
        ],
    )
    async def test_transfer_to_an_account(
        self, toss: SimulatedToss, status: str, expected: tuple[str, int, int]
    ) -> None:
        key = await toss.paid(ORDER, outcome="awaiting_deposit")
        await toss.control("PATCH", f"payments/{key}", cancellation={"pending": True})
        await toss.gateway().refund(refund(key, account=ACCOUNT))
        assert await facts(toss, key) == ("paid", 0, 5000)
        await toss.control("POST", "refund_status", payment_key=key, status=status)
        assert await facts(toss, key) == expected

    async def test_transfer_that_failed_is_logged_and_may_yet_be_made_again(
        self, toss: SimulatedToss
    ) -> None:
        """The cancel stands: until it is made, nothing is left to be asked for once more."""
        key = await toss.paid(ORDER, outcome="awaiting_deposit")
        await toss.control("PATCH", f"payments/{key}", cancellation={"pending": True})
        await toss.gateway().refund(refund(key, account=ACCOUNT))
        await toss.control("POST", "refund_status", payment_key=key, status="failed")
        with capture_logs() as logs:
            assert await facts(toss, key) == ("paid", 0, 5000)
        assert [(each["event"], each["payment_key"]) for each in logs] == [
            ("refund_transfer_failed", key)
        ]
        with pytest.raises(RefundDeclined):
            await toss.gateway().refund(refund(key, account=ACCOUNT, key="refund-another-key"))
        await toss.control("POST", "refund_status", payment_key=key, status="succeeded")
        with capture_logs() as logs:
            assert await facts(toss, key) == ("canceled", 5000, 0)
        assert logs == []


class TestDeclined:
    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"refundable": 4000, "amount": 4000}, "NOT_MATCHES_REFUNDABLE_AMOUNT"),
            ({"amount": 5001}, "NOT_CANCELABLE_AMOUNT"),
            ({"payment_key": "tgen_nobody"}, "NOT_FOUND_PAYMENT"),
        ],
    )
    async def test_by_what_toss_knows(
        self, toss: SimulatedToss, changes: dict[str, Any], code: str
    ) -> None:
        key = await toss.paid(ORDER)
        with pytest.raises(RefundDeclined) as caught:
            await toss.gateway().refund(refund(key, **changes))
        assert caught.value.body["gateway_code"] == code
        assert caught.value.body["gateway_message"]
        assert await canceled(toss, key) == []

    async def test_what_went_back_already(self, toss: SimulatedToss) -> None:
        key = await toss.paid(ORDER)
        await toss.control("POST", "refund", payment_key=key)
        with pytest.raises(RefundDeclined) as caught:
            await toss.gateway().refund(refund(key))
        assert caught.value.body["gateway_code"] == "ALREADY_CANCELED_PAYMENT"

    @pytest.mark.parametrize(
        ("account", "code"),
        [
            (None, "INVALID_REFUND_ACCOUNT_INFO"),
            (RefundAccount("20", "10-2", "김토큰"), "INVALID_REFUND_ACCOUNT_NUMBER"),
            (RefundAccount("", "1000123456789", "김토큰"), "INVALID_BANK"),
        ],
    )
    async def test_deposit_without_a_good_account(
        self, toss: SimulatedToss, account: RefundAccount | None, code: str
    ) -> None:
        key = await toss.paid(ORDER, outcome="awaiting_deposit")
        with pytest.raises(RefundDeclined) as caught:
            await toss.gateway().refund(refund(key, account=account))
        assert caught.value.body["gateway_code"] == code
        assert await facts(toss, key) == ("paid", 0, 0)

    async def test_account_is_in_no_error_and_no_representation(self) -> None:
        said = {"code": "INVALID_REFUND_ACCOUNT_NUMBER", "message": "1000123456789 of 김토큰: no"}
        gateway, asked = (
            answering(400, json.dumps(said).encode()),
            refund("tgen_1", account=ACCOUNT),
        )
        with pytest.raises(RefundDeclined) as caught:
            await gateway.refund(asked)
        assert caught.value.body["gateway_message"] == "… of …: no"
        for personal in ("1000123456789", "김토큰"):
            assert personal not in f"{asked!r} {caught.value!r} {caught.value.body}"

    @pytest.mark.parametrize("code", sorted(CODES["cancel"]))
    async def test_every_published_refusal(self, toss: SimulatedToss, code: str) -> None:
        """Stored under the key by Toss, whether anything was given back or not."""
        key, status = await toss.paid(ORDER), CODES["cancel"][code]
        await toss.control("PATCH", f"payments/{key}", cancellation={"code": code})
        expected: type[Exception] = RefundDeclined
        if code in OUR_KEYS:
            expected = GatewayUnavailable
        elif status >= 500 or code in REPEATED:
            expected = RefundKeySpent
        for _ in range(2):
            with pytest.raises(expected) as caught:
                await toss.gateway().refund(refund(key))
            assert type(caught.value) is expected
        assert await canceled(toss, key) == []


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
        assert declined.body["gateway_code"] == "NOT_MATCHES_REFUNDABLE_AMOUNT"
        assert await canceled(toss, key) == [(2000, "DONE")]
