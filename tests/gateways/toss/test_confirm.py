"""Taking the money with the Toss client: a yes, a no, or a doubt that reading resolves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from coinslot.errors import (
    AmountNotChargeable,
    GatewayTimeout,
    GatewayUnavailable,
    PaymentDeclined,
)
from coinslot.gateways.base import Order
from coinslot.gateways.toss import confirmation
from coinslot.gateways.toss.confirmation import ConfirmUnknown
from coinslot.server.error_answers import status_of

if TYPE_CHECKING:
    from tests.support.toss import SimulatedToss

CODES = json.loads((Path(__file__).parent / "error_codes.json").read_text())
ORDER = Order("topup_01HZX3", "100 tokens", 11000, "KRW")
IN_DOUBT = {
    *("ALREADY_PROCESSED_PAYMENT", "PROVIDER_ERROR", "CARD_PROCESSING_ERROR"),
    *("FORBIDDEN_CONSECUTIVE_REQUEST", "DUPLICATED_ORDER_ID"),
}
CONFIRM = "/toss/v1/payments/confirm"
OUR_KEYS = {"UNAUTHORIZED_KEY", "INVALID_API_KEY", "INCORRECT_BASIC_AUTH_FORMAT"}


class TestConfirming:
    """Of a payment that the buyer agreed to."""

    async def test_takes_the_money(self, toss: SimulatedToss) -> None:
        key = await toss.pay(ORDER.order_id, 11000)
        taken = await toss.gateway().confirm(ORDER, key)
        assert (taken.state, taken.paid, taken.shown["status"]) == ("paid", 11000, "DONE")
        # Toss keeps the answer under this key, and never compares what is sent with it.
        assert keys_of(toss, key) == [f"confirm:{key}"]

    @pytest.mark.parametrize("code", sorted(CODES["confirm"]))
    async def test_every_published_refusal(self, toss: SimulatedToss, code: str) -> None:
        key = await toss.pay(ORDER.order_id, 11000)
        await toss.control("PATCH", f"payments/{key}", approval={"code": code})
        status = CODES["confirm"][code]
        if code in IN_DOUBT or status >= 500:
            assert (await toss.gateway().confirm(ORDER, key)).state == "failed"
        elif code in OUR_KEYS:
            with pytest.raises(GatewayUnavailable) as rejected:
                await toss.gateway().confirm(ORDER, key)
            assert rejected.value.code == "gateway_rejected_keys"
        else:
            with pytest.raises(PaymentDeclined) as declined:
                await toss.gateway().confirm(ORDER, key)
            assert (declined.value.code, status_of(declined.value)) == (code, status)

    async def test_price_below_every_minimum_opens_no_window(self, toss: SimulatedToss) -> None:
        with pytest.raises(AmountNotChargeable) as caught:
            await toss.gateway().prepare(replace(ORDER, amount=99))
        assert (status_of(caught.value), caught.value.code) == (400, "amount_not_chargeable")
        assert (await toss.gateway().prepare(replace(ORDER, amount=100))).browser["amount"] == 100

    async def test_repeated_after_an_answer_that_was_lost(self, toss: SimulatedToss) -> None:
        key = await toss.pay(ORDER.order_id, 11000)
        await toss.fault("drop_after", next=1, path="/confirm")
        for _ in range(2):
            assert (await toss.gateway().confirm(ORDER, key)).paid == 11000

    async def test_too_slow_an_answer_is_resolved_by_reading(self, toss: SimulatedToss) -> None:
        """The approval goes on at Toss after we have stopped listening."""
        key = await toss.pay(ORDER.order_id, 11000)
        await toss.control("PATCH", f"payments/{key}", approval={"seconds": 0.4})
        assert (await toss.gateway(timeout=0.2).confirm(ORDER, key)).paid == 11000

    async def test_approval_that_takes_too_long_stays_unknown(self, toss: SimulatedToss) -> None:
        key = await toss.pay(ORDER.order_id, 11000)
        await toss.fault("delay", delay_s=3, path="/confirm")
        with pytest.raises(ConfirmUnknown):
            await toss.gateway(timeout=0.2).confirm(ORDER, key)

    async def test_gateway_that_cannot_be_reached(self, toss: SimulatedToss) -> None:
        with pytest.raises(ConfirmUnknown) as caught:
            await toss.gateway(url="http://127.0.0.1:1").confirm(ORDER, "tgen_unreachable")
        assert isinstance(caught.value.__cause__, GatewayUnavailable)
        assert not isinstance(caught.value.__cause__, GatewayTimeout)

    @pytest.mark.parametrize("answer", [b'{"code": "NOT_FOUND_PAYMENT"}', b"<html>404</html>"])
    async def test_payment_that_reading_does_not_show_stays_in_doubt(
        self, toss: SimulatedToss, answer: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """We have sent the approval, so Toss knows the payment, whatever it shows just now."""

        async def request(method: str, url: str, **_: object) -> httpx.Response:
            if method == "POST":
                raise httpx.ReadTimeout(url)
            return httpx.Response(404, content=answer)

        monkeypatch.setattr(toss.http, "request", request)
        with pytest.raises(ConfirmUnknown) as caught:
            await toss.gateway().confirm(ORDER, "tgen_lagging")
        assert (status_of(caught.value), caught.value.code) == (502, "confirm_unknown")

    async def test_payment_that_is_shown_late_is_found(
        self, toss: SimulatedToss, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = await toss.pay(ORDER.order_id, 11000)
        await toss.confirm(key, ORDER.order_id, 11000)
        sent, lagging = toss.http.request, [b'{"code": "NOT_FOUND_PAYMENT"}']

        async def request(method: str, url: str, **options: Any) -> httpx.Response:  # noqa: ANN401
            if method == "POST":
                raise httpx.ReadTimeout(url)
            return (
                httpx.Response(404, content=lagging.pop())
                if lagging
                else await sent(method, url, **options)
            )

        monkeypatch.setattr(toss.http, "request", request)
        assert (await toss.gateway().confirm(ORDER, key)).paid == 11000

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"code": 5}', b'{"code": "no code"}'])
    async def test_refusal_that_is_none_of_toss_is_no_refusal(
        self, toss: SimulatedToss, body: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A proxy's 403 says nothing about the money."""
        key = await toss.pay(ORDER.order_id, 11000)
        await toss.confirm(key, ORDER.order_id, 11000)
        sent = toss.http.request

        async def request(method: str, url: str, **options: Any) -> httpx.Response:  # noqa: ANN401
            if method == "POST":
                return httpx.Response(403, content=body)
            return await sent(method, url, **options)

        monkeypatch.setattr(toss.http, "request", request)
        assert (await toss.gateway().confirm(ORDER, key)).paid == 11000


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a payment in doubt looked at without waiting."""
    monkeypatch.setattr(confirmation, "LOOKS", (0.0, 0.0))


def keys_of(toss: SimulatedToss, key: str) -> list[str]:
    """The idempotency keys under which Toss keeps an answer to a confirm of the payment."""
    asked = [f"confirm:{key}", *(f"confirm:{key}:{number}" for number in range(2, 20))]
    store = toss.simulator.store
    return [each for each in asked if store.get("replay", f"{CONFIRM} {each}") is not None]


@pytest.mark.usefixtures("at_once")
class TestStoredError:
    """Toss repeats it under its key for fifteen days, and the payment still waits."""

    async def plan(self, toss: SimulatedToss, **approval: object) -> str:
        key = await toss.pay(ORDER.order_id, 11000)
        plan = {"code": "PROVIDER_ERROR", **approval}
        await toss.control("PATCH", f"payments/{key}", approval=plan)
        return key

    @pytest.mark.parametrize("code", ["PROVIDER_ERROR", "UNKNOWN_PAYMENT_ERROR"])
    async def test_is_got_past_under_another_key(self, toss: SimulatedToss, code: str) -> None:
        key = await self.plan(toss, code=code, stumbles=1)
        assert (await toss.gateway().confirm(ORDER, key)).paid == 11000
        assert keys_of(toss, key) == [f"confirm:{key}", f"confirm:{key}:2"]

    async def test_confirmed_again_goes_on_where_it_was(self, toss: SimulatedToss) -> None:
        key = await self.plan(toss, stumbles=4)
        gateway = toss.gateway()
        for _ in range(2):
            with pytest.raises(ConfirmUnknown):
                await gateway.confirm(ORDER, key)
        assert (await gateway.confirm(ORDER, key)).paid == 11000
        assert len(keys_of(toss, key)) == 5

    async def test_keys_are_bounded(self, toss: SimulatedToss) -> None:
        key = await self.plan(toss, stumbles=100)
        gateway = toss.gateway()
        for _ in range(confirmation.KEYS):
            with pytest.raises(ConfirmUnknown):
                await gateway.confirm(ORDER, key)
        assert len(keys_of(toss, key)) == confirmation.KEYS

    async def test_refusal_after_it_is_told_in_our_words(self, toss: SimulatedToss) -> None:
        key = await self.plan(toss, stumbles=1, then="REJECT_CARD_PAYMENT")
        with pytest.raises(PaymentDeclined) as declined:
            await toss.gateway().confirm(ORDER, key)
        assert (declined.value.code, status_of(declined.value)) == ("REJECT_CARD_PAYMENT", 403)
        assert str(declined.value) == "한도나 잔액을 확인해 주세요."

    async def test_payment_that_was_aborted_keeps_the_words_of_toss(
        self, toss: SimulatedToss
    ) -> None:
        key = await self.plan(toss)
        read = await toss.gateway().confirm(ORDER, key)
        assert (read.state, read.failure_code) == ("failed", "PROVIDER_ERROR")
        assert read.failure_reason == "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요."

    async def test_money_taken_all_the_same_is_not_taken_twice(self, toss: SimulatedToss) -> None:
        key = await self.plan(toss, taken=True)
        assert (await toss.gateway().confirm(ORDER, key)).paid == 11000
        assert keys_of(toss, key) == [f"confirm:{key}"]

    async def test_money_taken_just_before_the_second_key_is_asked(
        self, toss: SimulatedToss, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The read was late: Toss says that the payment was processed, and a read finds it."""
        key = await self.plan(toss, taken=True)
        sent = toss.http.request
        stale: list[str] = []

        async def request(method: str, url: str, **options: Any) -> httpx.Response:  # noqa: ANN401
            response = await sent(method, url, **options)
            if method == "GET" and len(stale) < len(confirmation.LOOKS):
                stale.append(url)
                late = {**response.json(), "status": "IN_PROGRESS", "approvedAt": None}
                return httpx.Response(200, json=late)
            return response

        monkeypatch.setattr(toss.http, "request", request)
        assert (await toss.gateway().confirm(ORDER, key)).paid == 11000
        assert keys_of(toss, key) == [f"confirm:{key}", f"confirm:{key}:2"]

    @pytest.mark.parametrize("answer", [httpx.Response(500), httpx.Response(409, json={})])
    async def test_error_that_is_not_kept_is_asked_about_under_its_own_key(
        self, toss: SimulatedToss, answer: httpx.Response, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = await toss.pay(ORDER.order_id, 11000)
        sent, asked = toss.http.request, []

        async def request(method: str, url: str, **options: Any) -> httpx.Response:  # noqa: ANN401
            if method == "POST" and url.endswith("/confirm"):
                asked.append(options["headers"]["Idempotency-Key"])
                return answer
            return await sent(method, url, **options)

        monkeypatch.setattr(toss.http, "request", request)
        for _ in range(2):
            with pytest.raises(ConfirmUnknown):
                await toss.gateway().confirm(ORDER, key)
        assert asked == [f"confirm:{key}"] * 2
