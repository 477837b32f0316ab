"""Billing keys at PortOne V2, and the charges by them: attempts at one payment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pydantic import BaseModel, Field
from sanic.response import json

from simulators.portone.v2.errors import failed
from simulators.portone.v2.payment import new_payment, stamp
from simulators.requests import json_object
from simulators.turns import BuyerTurn

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from simulators.base import Handler, Route
    from simulators.cards import Cards, RegisterTurn
    from simulators.portone.v2.access import Access, IdempotencyKeys
    from simulators.portone.v2.books import Books
    from simulators.portone.v2.webhook import SignedSender
    from simulators.store import Store

Json = dict[str, Any]

MOST_ATTEMPTS = 20
_DECLINES = {
    "soft": ("REJECT_CARD_PAYMENT", "한도초과 혹은 잔액부족으로 결제에 실패했습니다."),
    "hard": ("INVALID_CARD_LOST_OR_STOLEN", "분실 혹은 도난 카드입니다."),
    "auth": ("INVALID_STOPPED_CARD", "정지된 카드 입니다."),
}
_CARD = {
    "type": "BillingKeyPaymentMethodCard",
    "card": {"publisher": "SHINHAN_CARD", "name": "신한카드", "number": "555555******5555"},
}


class _Total(BaseModel):
    total: int = Field(gt=0)


class Charge(BaseModel):
    billingKey: str  # noqa: N815 - PortOne's name
    orderName: str = Field(min_length=1)  # noqa: N815
    amount: _Total
    currency: str
    storeId: str | None = None  # noqa: N815


class V2Billing:
    def __init__(
        self,
        store: Store,
        books: Books,
        access: Access,
        keys: IdempotencyKeys,
        *,
        cards: Cards,
        sender: SignedSender,
        store_id: str,
        channel_key: str,
    ) -> None:
        self._store = store
        self._books = books
        self._access = access
        self._keys = keys
        self._cards = cards
        self._sender = sender
        self._store_id = store_id
        self._channel_key = channel_key

    def routes(self) -> list[Route]:
        admitted = self._access.admitted
        return [
            ("GET", "/billing-keys/<billing_key:str>", admitted(self._read)),
            ("DELETE", "/billing-keys/<billing_key:str>", admitted(self._delete)),
            ("POST", "/payments/<payment_id:str>/billing-key", self._writing(self._charge)),
        ]

    def _writing(self, handler: Handler) -> Handler:
        return self._access.admitted(self._keys.once(handler))

    def register(self, turn: RegisterTurn) -> Json:
        if turn.outcome == "failed":
            failure = {"code": "FAILURE_TYPE_PG", "pgCode": "PAY_PROCESS_CANCELED"}
            return {"transactionType": "ISSUE_BILLING_KEY", "billingKey": "", **failure}
        now, key = stamp(self._books.now()), f"billing-key-{uuid4()}"
        info = {
            "status": "ISSUED",
            "billingKey": key,
            "merchantId": "merchant-sandbox",
            "storeId": self._store_id,
            "methods": [_CARD],
            "channels": [{"type": "TEST", "key": self._channel_key, "pgProvider": "TOSSPAYMENTS"}],
            "customer": {"id": turn.customer},
            "issueId": turn.customer,
            "requestedAt": now,
            "issuedAt": now,
        }
        self._store.put("billing_key", key, info)
        return {"transactionType": "ISSUE_BILLING_KEY", "billingKey": key}

    def lose(self, customer: str) -> None:
        for info in self._store.all("billing_key"):
            if info["customer"]["id"] == customer:
                gone = {**info, "status": "DELETED", "deletedAt": stamp(self._books.now())}
                self._store.put("billing_key", info["billingKey"], gone)

    async def _read(self, _request: Request, billing_key: str) -> HTTPResponse:
        info = self._store.get("billing_key", billing_key)
        return json(info) if info else failed("BILLING_KEY_NOT_FOUND", 404)

    async def _delete(self, _request: Request, billing_key: str) -> HTTPResponse:
        info = self._store.get("billing_key", billing_key)
        if info is None:
            return failed("BILLING_KEY_NOT_FOUND", 404)
        if info["status"] == "DELETED":
            return failed("BILLING_KEY_ALREADY_DELETED", 409)
        self.lose(info["customer"]["id"])
        return json({"deletedAt": stamp(self._books.now())})

    async def _charge(self, request: Request, payment_id: str) -> HTTPResponse:
        given = Charge.model_validate(json_object(request) or {})
        info = self._store.get("billing_key", given.billingKey)
        if info is None:
            return failed("BILLING_KEY_NOT_FOUND", 404)
        if info["status"] == "DELETED":
            return failed("BILLING_KEY_ALREADY_DELETED", 409)
        if "paidAt" in (self._books.shown(payment_id) or {}):
            return failed("ALREADY_PAID", 409)
        attempts = self._books.attempts(payment_id)
        if len(attempts) >= MOST_ATTEMPTS:
            return failed("MAX_TRANSACTION_COUNT_REACHED", 400)
        return self._taken(payment_id, given, self._cards.take(info["customer"]["id"]))

    def _taken(self, payment_id: str, given: Charge, course: str) -> HTTPResponse:
        if course in {"unknown", "late"}:
            return failed("PG_PROVIDER", 502, pgCode="PROVIDER_ERROR", pgMessage="일시적인 오류")
        outcome = "paid" if course == "ok" else "failed"
        turn = BuyerTurn.model_validate({"order_id": payment_id, "outcome": outcome})
        payment = new_payment(
            turn=turn,
            total=given.amount.total,
            currency=given.currency,
            store_id=self._store_id,
            channel_key=self._channel_key,
            now=self._books.now(),
        )
        payment |= {"billingKey": given.billingKey, "orderName": given.orderName}
        payment["origin"] = {"platformType": "API"}
        if course == "ok":
            self._sender.announce(self._books.events.happened(self._books.keep(payment)))
            paid = {"pgTxId": payment["pgTxId"], "paidAt": payment["paidAt"]}
            return json({"payment": paid})
        code, message = _DECLINES[course]
        payment["failure"] = {"reason": message, "pgCode": code, "pgMessage": message}
        self._sender.announce(self._books.events.happened(self._books.keep(payment)))
        return failed("PG_PROVIDER", 502, pgCode=code, pgMessage=message)
