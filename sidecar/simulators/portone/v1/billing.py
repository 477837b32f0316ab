"""Stored cards at PortOne V1: a decline is code 0, and a registration is paid over nothing."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from simulators.portone.v1.envelope import failed, ok
from simulators.portone.v1.payment import new_payment
from simulators.portone.v1.webhook import status_webhook
from simulators.requests import NotPossible, json_object
from simulators.turns import BuyerTurn

if TYPE_CHECKING:
    from collections.abc import Callable

    from sanic import HTTPResponse, Request

    from simulators.base import Route
    from simulators.cards import Cards, RegisterTurn
    from simulators.portone.v1.access import Access
    from simulators.portone.v1.books import Books
    from simulators.store import Store
    from simulators.webhooks import Webhook

Json = dict[str, Any]

_UNKNOWN = "등록되지 않은 구매자입니다."
_USED = "이미 결제된 merchant_uid 입니다."
_LONGEST_UID = 40
_DECLINES = {
    "soft": "[REJECT_CARD_PAYMENT] 한도초과 혹은 잔액부족으로 결제에 실패했습니다.",
    "hard": "[INVALID_CARD_LOST_OR_STOLEN] 분실 혹은 도난 카드입니다.",
    "auth": "[INVALID_STOPPED_CARD] 정지된 카드 입니다.",
}


class V1Billing:
    """`announce` sends the webhook that a call caused."""

    def __init__(
        self,
        store: Store,
        books: Books,
        access: Access,
        cards: Cards,
        *,
        now: Callable[[], int],
        announce: Callable[[Webhook], None],
    ) -> None:
        self._store = store
        self._books = books
        self._access = access
        self._cards = cards
        self._now = now
        self._announce = announce

    def routes(self) -> list[Route]:
        admitted = self._access.admitted
        return [
            ("GET", "/subscribe/customers/<customer_uid:str>", admitted(self._read)),
            ("DELETE", "/subscribe/customers/<customer_uid:str>", admitted(self._delete)),
            ("POST", "/subscribe/payments/again", admitted(self._again)),
        ]

    def register(self, turn: RegisterTurn) -> Json:
        merchant_uid = f"method_{turn.customer.replace('-', '')[:32]}"
        if turn.outcome == "failed":
            return {"merchant_uid": merchant_uid, "error_code": "PAY_PROCESS_CANCELED"}
        payment = self._payment(merchant_uid, 0, "paid")
        payment |= {"customer_uid": turn.customer, "customer_uid_usage": "issue"}
        self._books.keep(payment)
        customer = {
            "customer_uid": turn.customer,
            "pg_provider": "tosspayments",
            "sandbox": True,
            "customer_id": turn.customer,
            "card_name": "신한카드",
            "card_number": "555555******5555",
            "inserted": self._now(),
            "updated": self._now(),
        }
        self._store.put("customer", turn.customer, customer)
        self._announce(status_webhook(payment))
        return {
            "imp_uid": payment["imp_uid"],
            "merchant_uid": merchant_uid,
            "customer_uid": turn.customer,
            "status": "paid",
        }

    def lose(self, customer: str) -> None:
        self._store.put("customer", customer, {"gone": True})

    def _customer(self, customer_uid: str) -> Json | None:
        found = self._store.get("customer", customer_uid)
        return None if found is None or found.get("gone") else found

    async def _read(self, _request: Request, customer_uid: str) -> HTTPResponse:
        found = self._customer(customer_uid)
        return ok(found) if found else failed(_UNKNOWN, status=404)

    async def _delete(self, _request: Request, customer_uid: str) -> HTTPResponse:
        found = self._customer(customer_uid)
        if found is None:
            return failed(_UNKNOWN, status=404)
        self.lose(customer_uid)
        return ok(found)

    async def _again(self, request: Request) -> HTTPResponse:
        given = json_object(request) or {}
        uid, amount = str(given.get("merchant_uid") or ""), given.get("amount")
        if not 1 <= len(uid) <= _LONGEST_UID or not isinstance(amount, int) or amount <= 0:
            return failed("파라미터가 올바르지 않습니다.", status=400)
        customer = self._customer(str(given.get("customer_uid")))
        if customer is None:
            return failed(_UNKNOWN, code=1)
        if self._books.all(uid):
            return failed(_USED, code=1)
        course = self._cards.take(customer["customer_uid"])
        if course == "late":
            self._cards.hold_back(uid, given)
            return failed("일시적인 오류", status=500)
        payment = self._charged(given, "paid" if course == "ok" else "failed")
        if course != "ok":
            payment["fail_reason"] = _DECLINES.get(course, "일시적인 오류")
        self._books.keep(payment)
        if course == "ok":
            self._announce(status_webhook(payment))
        return ok(payment)

    def approve_late(self, order_id: str) -> Webhook:
        if any(each["status"] == "paid" for each in self._books.all(order_id)):
            raise NotPossible("The order was paid meanwhile")
        payment = self._charged(self._cards.held_back(order_id), "paid")
        return status_webhook(self._books.keep(payment))

    def _charged(self, given: Json, outcome: str) -> Json:
        payment = self._payment(given["merchant_uid"], given["amount"], outcome)
        usage = {"customer_uid_usage": "payment", "channel": "api"}
        return payment | {"customer_uid": given["customer_uid"], **usage}

    def _payment(self, uid: str, amount: int, outcome: str) -> Json:
        return new_payment(
            imp_uid=f"imp_{secrets.randbelow(10**12):012d}",
            turn=BuyerTurn.model_validate({"order_id": uid, "outcome": outcome}),
            amount=amount,
            currency="KRW",
            now=self._now(),
        )
