"""Refunds with the Toss client: taken on at once or in time, or declined."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from coinslot.errors import GatewayUnavailable, RefundDeclined, RefundKeySpent
from coinslot.gateways.base import RefundAccount
from tests.gateways.toss.refund_answers import ORDER, canceled, facts, refund
from tests.support.toss import answering

if TYPE_CHECKING:
    from tests.support.toss import SimulatedToss

CODES = json.loads((Path(__file__).parent / "error_codes.json").read_text())
ACCOUNT = RefundAccount("20", "1000123456789", "김토큰")
OUR_KEYS = {"UNAUTHORIZED_KEY", "INVALID_API_KEY", "INCORRECT_BASIC_AUTH_FORMAT"}
REPEATED = {"PROVIDER_ERROR", "CARD_PROCESSING_ERROR", "FORBIDDEN_CONSECUTIVE_REQUEST"}


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
        assert caught.value.gateway_code == code
        assert caught.value.gateway_message
        assert await canceled(toss, key) == []

    async def test_what_went_back_already(self, toss: SimulatedToss) -> None:
        key = await toss.paid(ORDER)
        await toss.control("POST", "refund", payment_key=key)
        with pytest.raises(RefundDeclined) as caught:
            await toss.gateway().refund(refund(key))
        assert caught.value.gateway_code == "ALREADY_CANCELED_PAYMENT"

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
        assert caught.value.gateway_code == code
        assert await facts(toss, key) == ("paid", 0, 0)

    async def test_account_is_in_no_error_and_no_representation(self) -> None:
        said = {"code": "INVALID_REFUND_ACCOUNT_NUMBER", "message": "1000123456789 of 김토큰: no"}
        gateway, asked = (
            answering(400, json.dumps(said).encode()),
            refund("tgen_1", account=ACCOUNT),
        )
        with pytest.raises(RefundDeclined) as caught:
            await gateway.refund(asked)
        assert caught.value.gateway_message == "… of …: no"
        for personal in ("1000123456789", "김토큰"):
            assert personal not in f"{asked!r} {caught.value!r} {caught.value.details}"

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
