"""PortOne V1 as it answers for one long day of payments, in process and at the level of HTTP."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from coinslot.gateways.http import GatewayHttp
from coinslot.gateways.portone.v1.adapter import PortOneV1

SINCE = datetime(2026, 11, 10, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=1)
PRICE = 5000
_SECONDS = 86_400
_SAMPLE: dict[str, Any] = {
    "amount": PRICE,
    "currency": "KRW",
    "sandbox": True,
    "pay_method": "card",
    "channel": "pc",
    "pg_provider": "tosspayments",
    "pg_id": "tosstest",
    "escrow": False,
    "name": "Tokens",
    "buyer_name": "김토큰",
    "buyer_email": "buyer@example.test",
    "card_name": "신한카드",
    "custom_data": "{}",
    "user_agent": "Mozilla/5.0",
    "cash_receipt_issued": False,
    **dict.fromkeys(("vbank_num", "vbank_name", "vbank_holder", "fail_reason", "promotion")),
    "vbank_date": 0,
    "failed_at": 0,
    "cancel_history": [],
    "cancel_receipt_urls": [],
}


@dataclass
class ListedDay:
    """So many payments, evenly over the day. Every `one_in`-th went back, and nobody told us."""

    payments: int
    one_in: int
    calls: list[str] = field(default_factory=list)

    def gateway(self) -> PortOneV1:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        access = {"key": "key", "secret": "secret", "live": False}
        return PortOneV1(GatewayHttp(http, "http://day.test", 10), **access)  # type: ignore[arg-type]

    @property
    def gone(self) -> int:
        return sum(self._has_gone(number) for number in range(1, self.payments + 1))

    def _has_gone(self, number: int) -> bool:
        return number % self.one_in == 0

    def _at(self, number: int) -> int:
        return int(SINCE.timestamp()) + (number - 1) * _SECONDS // self.payments

    def _row(self, number: int) -> dict[str, Any]:
        gone, at = self._has_gone(number), self._at(number)
        return {
            **_SAMPLE,
            "imp_uid": f"imp_{number:012}",
            "merchant_uid": f"ord_p{number:030}",
            "status": "cancelled" if gone else "paid",
            "cancel_amount": PRICE if gone else 0,
            "started_at": at,
            "paid_at": at,
            "cancelled_at": at if gone else 0,
        }

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.calls.append(path)
        if path == "/users/getToken":
            now = int(datetime.now(UTC).timestamp())
            return _said({"access_token": "token", "now": now, "expired_at": now + 1800})
        if path.startswith("/payments/status/"):
            return _said(self._listed(path.rpartition("/")[2], dict(request.url.params)))
        return _said(self._row(int(path.rpartition("imp_")[2])))

    def _listed(self, status: str, query: dict[str, str]) -> dict[str, Any]:
        numbers = range(1, self.payments + 1)
        first = bisect_left(numbers, int(query["from"]), key=self._at)
        last = bisect_right(numbers, int(query["to"]), key=self._at)
        wanted = status == "cancelled"
        found = [each for each in numbers[first:last] if self._has_gone(each) is wanted]
        limit = int(query["limit"])
        start = (int(query["page"]) - 1) * limit
        more = len(found) > start + limit
        rows = [self._row(each) for each in found[start : start + limit]]
        return {"total": len(found), "previous": 0, "next": int(more), "list": rows}


def _said(response: object) -> httpx.Response:
    body = {"code": 0, "message": None, "response": response}
    return httpx.Response(200, content=json.dumps(body).encode())
