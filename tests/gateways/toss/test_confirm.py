"""Taking the money with the Toss client: a yes, a no, or a doubt that reading resolves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from coinslot.errors import GatewayTimeout, GatewayUnavailable, PaymentDeclined
from coinslot.gateways.base import Order
from coinslot.gateways.toss.adapter import ConfirmUnknown
from coinslot.server.error_answers import status_of

if TYPE_CHECKING:
    from tests.support.toss import SimulatedToss

CODES = json.loads((Path(__file__).parent / "error_codes.json").read_text())
ORDER = Order("topup_01HZX3", "100 tokens", 11000, "KRW")
IN_DOUBT = {
    *("ALREADY_PROCESSED_PAYMENT", "PROVIDER_ERROR", "CARD_PROCESSING_ERROR"),
    *("FORBIDDEN_CONSECUTIVE_REQUEST", "DUPLICATED_ORDER_ID"),
}
OUR_KEYS = {"UNAUTHORIZED_KEY", "INVALID_API_KEY", "INCORRECT_BASIC_AUTH_FORMAT"}


class TestConfirming:
    """Of a payment that the buyer agreed to."""

    async def test_takes_the_money(self, toss: SimulatedToss) -> None:
        key = await toss.pay(ORDER.order_id, 11000)
        taken = await toss.gateway().confirm(ORDER, key)
        assert (taken.state, taken.paid, taken.shown["status"]) == ("paid", 11000, "DONE")
        # Toss keeps the answer under this key, and never compares what is sent with it.
        under = f"/toss/v1/payments/confirm confirm:{key}"
        assert toss.simulator.store.get("replay", under) is not None

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
