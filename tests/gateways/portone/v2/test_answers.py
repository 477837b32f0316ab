"""PortOne V2's answers to a cancellation, one by one, and the request for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from coinslot.gateways.base import Refund
from coinslot.gateways.portone.v2.refund import check_taken_on
from tests.support.portone_v2 import API_SECRET, ORDER
from tests.support.refunds import KEY, raised

if TYPE_CHECKING:
    from tests.support.portone_v2 import SimulatedV2

REFUND = Refund(ORDER, "tx-1", 1000, 5000, "KRW", "user request", "refund-1", KEY)


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"cancellation": {"status": "SUCCEEDED"}}, ""),
        (200, {"cancellation": {"status": "REQUESTED"}}, ""),
        # A status of a later API: taken on; what it is, reading tells.
        (200, {"cancellation": {"status": "TELEPORTED"}}, ""),
        (200, {"cancellation": {"status": "FAILED"}}, "RefundDeclined"),
        (200, {"cancellation": None}, "GatewayNonsense"),
        (200, {}, "GatewayNonsense"),
        (200, {"type": "PAYMENT_ALREADY_CANCELLED"}, "GatewayNonsense"),
        (202, {"cancellation": {"status": "SUCCEEDED"}}, "GatewayUnavailable"),
        (302, {"type": "PAYMENT_NOT_PAID"}, "GatewayUnavailable"),
        (400, {"type": "NEGATIVE_PROMOTION_ADJUSTED_CANCEL_AMOUNT"}, "RefundDeclined"),
        (404, {"type": "PAYMENT_NOT_FOUND"}, "RefundDeclined"),
        (404, {"message": "no route"}, "GatewayUnavailable"),
        (409, {"type": "MAX_CANCEL_COUNT_REACHED", "message": "더 이상"}, "RefundDeclined"),
        (409, {"type": "A_REFUSAL_OF_A_LATER_API"}, "RefundDeclined"),
        (409, {"type": "IDEMPOTENCY_OUTSTANDING_REQUEST"}, "GatewayUnavailable"),
        (409, {"type": 7}, "GatewayUnavailable"),
        (429, {"type": "TOO_MANY_REQUESTS"}, "GatewayUnavailable"),
        (500, {"type": "INTERNAL_SERVER_ERROR"}, "RefundKeySpent"),
        (500, {"type": "about:blank"}, "GatewayUnavailable"),
        (500, {}, "GatewayUnavailable"),
        (502, {"type": "PG_PROVIDER", "pgCode": "X", "pgMessage": "no"}, "RefundDeclined"),
        (502, {"type": "PG_PROVIDER"}, "RefundDeclined"),
        (504, {"message": "upstream timed out"}, "GatewayUnavailable"),
    ],
)
async def test_answer_means(status: int, body: dict[str, Any], outcome: str) -> None:
    async def check() -> None:
        check_taken_on(REFUND, httpx.Response(status, json=body))

    assert await raised(check()) == outcome


async def test_key_is_sent_in_double_quotes(v2: SimulatedV2) -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"cancellation": {"status": "SUCCEEDED"}})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        await type(v2)(v2.simulator, v2.url, http).gateway().refund(REFUND)
    [request] = sent
    assert request.headers["idempotency-key"] == f'"{KEY}"'
    assert request.headers["authorization"] == f"PortOne {API_SECRET}"
    assert json.loads(request.content) == {
        "storeId": "store-sandbox",
        "amount": 1000,
        "currentCancellableAmount": 5000,
        "reason": "user request",
    }
