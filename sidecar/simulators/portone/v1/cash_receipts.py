"""PortOne V1's cash receipts: over what the payment holds, and deleted all at once.

A cancel of the payment leaves the receipt as it is, as with some payment companies, unless the
control API lets it follow, as with others.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sanic.response import json

from simulators.portone.v1.envelope import failed, ok
from simulators.requests import json_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from sanic import HTTPResponse, Request

    from simulators.base import Route
    from simulators.portone.v1.access import Access
    from simulators.portone.v1.books import Books
    from simulators.store import Store

Json = dict[str, Any]

_IDENTIFIERS = {"person", "business", "phone", "taxcard"}


class V1CashReceipts:
    def __init__(self, store: Store, books: Books, access: Access, now: Callable[[], int]) -> None:
        self._store = store
        self._books = books
        self._access = access
        self._now = now

    def routes(self) -> list[Route]:
        admitted, one = self._access.admitted, "/receipts/<imp_uid:str>"
        return [
            ("GET", one, admitted(self._read)),
            ("POST", one, admitted(self._issue)),
            ("DELETE", one, admitted(self._delete)),
        ]

    def control_routes(self) -> list[Route]:
        return [
            ("GET", "/cash_receipts", self._shown),
            ("PUT", "/receipt_plan", self._plan),
        ]

    async def _read(self, _request: Request, imp_uid: str) -> HTTPResponse:
        receipt = self._found(imp_uid)
        return ok(_public(receipt)) if receipt else failed("현금영수증이 없습니다.", status=404)

    async def _issue(self, request: Request, imp_uid: str) -> HTTPResponse:
        given, payment = json_object(request) or {}, self._books.find(imp_uid)
        if self._planned().get("unsupported"):
            return failed("지원하지 않는 PG사입니다.", status=501)
        known = self._found(imp_uid)
        if payment is None or not payment["paid_at"] or not _left(payment):
            return failed("결제완료된 결제건이 아닙니다.", status=400)
        if not str(given.get("identifier") or "").isdigit():
            return failed("identifier 파라메터가 누락되었습니다.", status=400)
        if given.get("identifier_type") not in {None, *_IDENTIFIERS}:
            return failed("identifier_type이 올바르지 않습니다.", status=400)
        if known is not None and not known["cancelled_at"]:
            return failed("이미 발행된 현금영수증이 존재합니다.", status=400)
        issues = known["issues"] + 1 if known else 1
        receipt = self._keep(self._new(payment, given, issues))
        return self._lost() or ok(_public(receipt))

    def _new(self, payment: Json, given: Json, issues: int) -> Json:
        amount = _left(payment)
        self._books.keep({**payment, "cash_receipt_issued": True})
        return {
            "imp_uid": payment["imp_uid"],
            "receipt_tid": f"T{secrets.randbelow(10**13):013d}",
            "apply_num": f"G{secrets.randbelow(10**8):08d}",
            "type": given.get("type", "person"),
            "amount": amount,
            "vat": round((amount - int(given.get("tax_free", 0))) / 11),
            "receipt_url": "https://pg.example.test/receipt/cash",
            "applied_at": self._now(),
            "cancelled_at": 0,
            "identifier": given["identifier"],
            "issues": issues,
        }

    async def _delete(self, _request: Request, imp_uid: str) -> HTTPResponse:
        receipt = self._found(imp_uid)
        if receipt is None or receipt["cancelled_at"]:
            return failed("포트원을 통해 발행된 현금영수증이 아닙니다.", status=400)
        receipt = self._keep({**receipt, "cancelled_at": self._now()})
        return self._lost() or ok(_public(receipt))

    def _lost(self) -> HTTPResponse | None:
        """A failure after the effect, where one is planned."""
        planned = self._planned()
        if not planned.get("lost"):
            return None
        self._store.put("receipt_plan", "all", {**planned, "lost": planned["lost"] - 1})
        return failed("PG사 응답이 없습니다.", status=500)

    def _found(self, imp_uid: str) -> Json | None:
        """With a payment company whose receipts follow the payment, one of less is cancelled."""
        receipt, payment = self._store.get("cash_receipt", imp_uid), self._books.find(imp_uid)
        if receipt is None or payment is None:
            return receipt
        behind = not receipt["cancelled_at"] and receipt["amount"] != _left(payment)
        if behind and self._planned().get("follows"):
            return self._keep({**receipt, "cancelled_at": self._now()})
        return receipt

    def _keep(self, receipt: Json) -> Json:
        self._store.put("cash_receipt", receipt["imp_uid"], receipt)
        return receipt

    def _planned(self) -> Json:
        return self._store.get("receipt_plan", "all") or {}

    # ---- the control API ----

    async def _shown(self, _request: Request) -> HTTPResponse:
        return json({"cash_receipts": self._store.all("cash_receipt")})

    async def _plan(self, request: Request) -> HTTPResponse:
        """`follows`: a cancel of the payment cancels the receipt. `unsupported`: none is issued.
        `lost`: so many of the next calls take effect and fail."""
        self._store.put("receipt_plan", "all", json_object(request) or {})
        return json({"ok": True})


def _left(payment: Json) -> int:
    return int(payment["amount"] - payment["cancel_amount"])


def _public(receipt: Json) -> Json:
    return {name: value for name, value in receipt.items() if name not in {"issues", "identifier"}}
