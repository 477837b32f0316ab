"""Toss's cash receipts: accepted at once, and judged by the tax office a day later.

Toss does not check that type and number fit: the tax office refuses what does not. An order id has
one receipt. A receipt is not linked to a payment, unless the buyer asked for it in the window.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sanic.response import json

from simulators.requests import json_object
from simulators.toss.errors import TossError
from simulators.toss.payment import kst

if TYPE_CHECKING:
    from collections.abc import Callable

    from sanic import HTTPResponse, Request

    from simulators.base import Route
    from simulators.store import Store
    from simulators.toss.access import Access

Json = dict[str, Any]

_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{6,64}")
_FITS = {
    "소득공제": re.compile(r"01[0-9]{8,9}|[0-9]{13,19}"),
    "지출증빙": re.compile(r"[0-9]{10}"),
}
_DAY = 24 * 3600
_TS1 = {"code": "NTS_ERROR", "message": "[TS1] 신분확인번호 길이 오류"}
_TSC = {
    "code": "NTS_ERROR",
    "message": "[TSC] 취소거래인 경우 원 승인거래 승인번호, 거래일자가 국세청에 미존재",
}


class TossCashReceipts:
    def __init__(self, store: Store, access: Access, now: Callable[[], int]) -> None:
        self._store = store
        self._access = access
        self._now = now

    def routes(self) -> list[Route]:
        admitted = self._access.admitted
        return [
            ("POST", "/v1/cash-receipts", admitted(self._issue)),
            ("POST", "/v1/cash-receipts/<receipt_key:str>/cancel", admitted(self._cancel)),
            ("GET", "/v1/cash-receipts", admitted(self._list)),
        ]

    def control_routes(self) -> list[Route]:
        return [
            ("GET", "/cash_receipts", self._shown),
            ("PUT", "/receipt_plan", self._plan),
        ]

    async def _issue(self, request: Request) -> Json:
        self._fail_as_planned()
        given = json_object(request) or {}
        order_id, amount, kind = str(given.get("orderId")), given.get("amount"), given.get("type")
        number = str(given.get("customerIdentityNumber") or given.get("registrationNumber") or "")
        if not _ORDER_ID.fullmatch(order_id) or type(amount) is not int or kind not in _FITS:
            raise TossError("INVALID_REQUEST")
        if not 1 <= len(str(given.get("orderName") or "")) <= 100:
            raise TossError("INVALID_REQUEST")
        if not 1 <= len(number) <= 30 or not number.isdigit():
            raise TossError("INVALID_CASH_RECEIPT_INFO")
        if amount <= 0:
            raise TossError("BELOW_ZERO_AMOUNT")
        if any(each["orderId"] == order_id for each in self.all()):
            raise TossError("DUPLICATED_CASH_RECEIPT")
        row = new_row(given, order_id, kind, number, self._now())
        row["taxFreeAmount"] = given.get("taxFreeAmount", 0)
        return self._keep({**row, "refusal": _TS1 if self._takes_refusal("issues") else None})

    async def _cancel(self, request: Request, receipt_key: str) -> Json:
        self._fail_as_planned()
        issue = self._store.get("cash_receipt", receipt_key)
        if issue is None or issue["transactionType"] != "CONFIRM":
            raise TossError("NOT_FOUND")
        left = issue["amount"] - sum(
            each["amount"]
            for each in self.all()
            if each["receiptKey"] == f"c_{receipt_key}" and each["issueStatus"] != "FAILED"
        )
        amount = (json_object(request) or {}).get("amount", left)
        if type(amount) is not int or not 0 < amount <= left:
            raise TossError("INVALID_REQUEST")
        cancel = {
            **issue,
            "receiptKey": f"c_{receipt_key}",
            "transactionType": "CANCEL",
            "amount": amount,
            "issueStatus": "IN_PROGRESS",
            "issueNumber": _number(),
            "requestedAt": kst(self._now()),
            "canceledAt": kst(self._now()),
            "refusal": _TSC if self._takes_refusal("cancels") else None,
        }
        return self._keep(cancel)

    async def _list(self, request: Request) -> Json:
        """Of the day on which each was asked for."""
        day, limit = request.args.get("requestDate") or "", int(request.args.get("limit", 100))
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", day) or not 1 <= limit <= 10_000:
            raise TossError("INVALID_REQUEST")
        after = int(request.args.get("cursor", 0))
        rows = [each for each in self.all() if each["requestedAt"].startswith(day)]
        page = rows[after : after + limit]
        shown = [_public(each) for each in page]
        return {
            "hasNext": after + limit < len(rows),
            "lastCursor": after + len(page),
            "data": shown,
        }

    def all(self) -> list[Json]:
        """Oldest first, as the tax office has left them by now."""
        return [self._aged(each) for each in self._store.all("cash_receipt")]

    def _aged(self, row: Json) -> Json:
        asked = datetime.fromisoformat(row["requestedAt"]).timestamp()
        if row["issueStatus"] != "IN_PROGRESS" or self._now() < asked + _DAY:
            return row
        failure = row["refusal"]
        if row["transactionType"] == "CONFIRM" and not fits(row):
            failure = _TS1
        return {**row, "issueStatus": "FAILED" if failure else "COMPLETED", "failure": failure}

    def _keep(self, row: Json) -> Json:
        """All cancels of one receipt have one key."""
        issued = row["transactionType"] == "CONFIRM"
        number = len(self._store.all("cash_receipt"))
        name = row["receiptKey"] if issued else f"{row['receiptKey']} {number}"
        self._store.put("cash_receipt", name, row)
        return _public(row)

    def _fail_as_planned(self) -> None:
        """Raises an error that the idempotency key repeats, without having done anything."""
        if self._takes_refusal("errors"):
            raise TossError("FAILED_INTERNAL_SYSTEM_PROCESSING")

    def _takes_refusal(self, what: str) -> bool:
        planned = self._store.get("receipt_plan", "refused") or {}
        left = planned.get(what, 0)
        self._store.put("receipt_plan", "refused", {**planned, what: max(left - 1, 0)})
        return bool(left)

    # ---- the control API ----

    async def _shown(self, _request: Request) -> HTTPResponse:
        return json({"cash_receipts": self.all()})

    async def _plan(self, request: Request) -> HTTPResponse:
        """The tax office refuses so many of the next `issues` and `cancels`, a day after each; Toss
        itself answers so many calls with `errors`."""
        self._store.put("receipt_plan", "refused", json_object(request) or {})
        return json({"ok": True})


def fits(row: Json) -> bool:
    return bool(_FITS[row["type"]].fullmatch(row["customerIdentityNumber"]))


def new_row(given: Json, order_id: str, kind: str, number: str, now: int) -> Json:
    issue_number = _number()
    return {
        "receiptKey": f"cr_{secrets.token_hex(6)}",
        "issueNumber": issue_number,
        "issueStatus": "IN_PROGRESS",
        "amount": given["amount"],
        "taxFreeAmount": 0,
        "orderId": order_id,
        "orderName": given.get("orderName", "Tokens"),
        "type": kind,
        "approvalNumber": issue_number,
        "transactionType": "CONFIRM",
        "businessNumber": "1234567891",
        "customerIdentityNumber": number,
        "failure": None,
        "requestedAt": kst(now),
        "approvedAt": kst(now),
        "canceledAt": None,
        "receiptUrl": "https://receipts.example.test/cash",
        "refusal": None,
    }


def receipt_with_payment(payment: Json, number: str, now: int) -> None:
    """Writes the receipt that the buyer asked for in the window into a payment that is paid."""
    kind = "소득공제" if number.startswith("01") else "지출증빙"
    row = new_row({"amount": payment["totalAmount"]}, payment["orderId"], kind, number, now)
    names = ("type", "receiptKey", "issueNumber", "receiptUrl", "amount", "taxFreeAmount")
    payment["cashReceipt"] = {name: row[name] for name in names}
    payment["cashReceipts"] = [{**_public(row), "issueStatus": "COMPLETED"}]


def cancel_with_payment(payment: Json, now: int) -> None:
    """Enters the latest cancel of a payment in the receipt that came with it."""
    if not payment["cashReceipts"]:
        return
    issue, cancel = payment["cashReceipts"][0], payment["cancels"][-1]
    cancel["receiptKey"] = f"cr_{secrets.token_hex(6)}"
    payment["cashReceipts"].append(
        {
            **issue,
            "receiptKey": cancel["receiptKey"],
            "issueNumber": _number(),
            "transactionType": "CANCEL",
            "amount": cancel["cancelAmount"],
            "issueStatus": "IN_PROGRESS",
            "requestedAt": kst(now),
        }
    )


def _public(row: Json) -> Json:
    return {name: value for name, value in row.items() if name != "refusal"}


def _number() -> str:
    return f"G{secrets.randbelow(10**8):08d}"
