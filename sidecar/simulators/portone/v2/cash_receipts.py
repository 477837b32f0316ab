"""PortOne V2's cash receipts: issued for a payment's id, cancelled all at once, read by that id.

A cancel of the payment leaves the receipt as it is, as with some payment companies; with others the
control API lets it follow.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field
from sanic.response import json

from simulators.portone.v2.errors import failed
from simulators.portone.v2.payment import stamp
from simulators.requests import json_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from sanic import HTTPResponse, Request

    from simulators.base import Handler, Route
    from simulators.portone.v2.access import Access, IdempotencyKeys
    from simulators.store import Store

Json = dict[str, Any]


class Amount(BaseModel):
    total: int = Field(gt=0)
    taxFree: int = Field(default=0, ge=0)  # noqa: N815 - PortOne's names, here and below
    vat: int | None = None


class Customer(BaseModel):
    identityNumber: str = Field(pattern=r"^[0-9]{1,30}$")  # noqa: N815
    identityNumberType: Literal["PHONE", "CARD", "BUSINESS"] | None = None  # noqa: N815


class Issue(BaseModel):
    paymentId: str  # noqa: N815
    channelKey: str  # noqa: N815
    type: Literal["PERSONAL", "CORPORATE"]
    orderName: str = Field(min_length=1)  # noqa: N815
    currency: Literal["KRW"]
    amount: Amount
    customer: Customer
    productType: Literal["PHYSICAL", "DIGITAL"] | None = None  # noqa: N815


class V2CashReceipts:
    def __init__(
        self,
        store: Store,
        access: Access,
        keys: IdempotencyKeys,
        now: Callable[[], int],
        *,
        store_id: str,
        channel_key: str,
    ) -> None:
        self._store = store
        self._access = access
        self._keys = keys
        self._now = now
        self._store_id = store_id
        self._channel_key = channel_key

    def routes(self) -> list[Route]:
        one = "/payments/<payment_id:str>/cash-receipt"
        return [
            ("POST", "/cash-receipts", self._writing(self._issue)),
            ("GET", one, self._access.admitted(self._read)),
            ("POST", f"{one}/cancel", self._writing(self._cancel)),
        ]

    def control_routes(self) -> list[Route]:
        return [
            ("GET", "/cash_receipts", self._shown),
            ("POST", "/refuse_receipt", self._refuse),
        ]

    def _writing(self, handler: Handler) -> Handler:
        return self._access.admitted(self._keys.once(handler))

    async def _issue(self, request: Request) -> HTTPResponse:
        given = Issue.model_validate(json_object(request) or {})
        if given.channelKey != self._channel_key:
            return failed("CHANNEL_NOT_FOUND", 404)
        known = self._store.get("cash_receipt", given.paymentId)
        if known is not None and known["status"] == "ISSUED":
            return failed("CASH_RECEIPT_ALREADY_ISSUED", 409)
        issues = known["issues"] + 1 if known else 1
        receipt = self._keep({**self._new(given), "issues": issues})
        told = {name: receipt[name] for name in ("issueNumber", "url", "pgReceiptId")}
        return json({"cashReceipt": told})

    def _new(self, given: Issue) -> Json:
        now, total, free = stamp(self._now()), given.amount.total, given.amount.taxFree
        return {
            "status": "ISSUED",
            "merchantId": "merchant-1111",
            "storeId": self._store_id,
            "paymentId": given.paymentId,
            "channel": {"type": "TEST", "pgProvider": "TOSSPAYMENTS", "pgMerchantId": "tosstest"},
            "amount": total,
            "taxFreeAmount": free,
            "vatAmount": round((total - free) / 11),
            "currency": given.currency,
            "orderName": given.orderName,
            "isManual": True,
            "type": given.type,
            "pgReceiptId": f"cr_{secrets.token_hex(6)}",
            "issueNumber": f"G{secrets.randbelow(10**8):08d}",
            "url": "https://pg.example.test/receipt/cash",
            "issuedAt": now,
            "statusUpdatedAt": now,
            "identityNumber": given.customer.identityNumber,
        }

    async def _read(self, _request: Request, payment_id: str) -> HTTPResponse:
        receipt = self._store.get("cash_receipt", payment_id)
        return json(_public(receipt)) if receipt else failed("CASH_RECEIPT_NOT_FOUND", 404)

    async def _cancel(self, _request: Request, payment_id: str) -> HTTPResponse:
        """All or nothing: there is no amount."""
        receipt = self._store.get("cash_receipt", payment_id)
        if receipt is None:
            return failed("CASH_RECEIPT_NOT_FOUND", 404)
        if receipt["status"] != "ISSUED":
            return failed("CASH_RECEIPT_NOT_ISSUED", 404)
        now = stamp(self._now())
        self._keep({**receipt, "status": "CANCELLED", "cancelledAt": now, "statusUpdatedAt": now})
        return json({"cancelledAmount": receipt["amount"], "cancelledAt": now})

    def _keep(self, receipt: Json) -> Json:
        self._store.put("cash_receipt", receipt["paymentId"], receipt)
        return receipt

    # ---- the control API ----

    async def _shown(self, _request: Request) -> HTTPResponse:
        return json({"cash_receipts": self._store.all("cash_receipt")})

    async def _refuse(self, request: Request) -> HTTPResponse:
        """The tax office refuses a receipt that PortOne has accepted."""
        receipt = self._store.get("cash_receipt", (json_object(request) or {})["payment_id"]) or {}
        self._keep({**receipt, "status": "ISSUE_FAILED", "statusUpdatedAt": stamp(self._now())})
        return json({"ok": True})


def _public(receipt: Json) -> Json:
    return {
        name: value for name, value in receipt.items() if name not in {"issues", "identityNumber"}
    }
