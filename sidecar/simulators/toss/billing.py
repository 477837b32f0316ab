"""Toss's automatic payments: a key for each card, charged under the customer it was issued for.

No webhook tells of an approval. An `authKey` is taken once.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from simulators.requests import NotPossible, json_object
from simulators.toss.errors import TossError
from simulators.toss.payment import approve_in_place, kst, new_payment
from simulators.turns import BuyerTurn

if TYPE_CHECKING:
    from collections.abc import Callable

    from sanic import Request

    from simulators.base import Route
    from simulators.cards import Cards, RegisterTurn
    from simulators.store import Store
    from simulators.toss.access import Access
    from simulators.toss.books import Books

Json = dict[str, Any]

_CUSTOMER = re.compile(r"[A-Za-z0-9\-_=.@]{2,50}")
_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{6,64}")
_LEAST = 100
_DECLINES = {
    "soft": "REJECT_CARD_PAYMENT",
    "hard": "INVALID_CARD_LOST_OR_STOLEN",
    "auth": "INVALID_AUTHORIZE_AUTH",
    "unknown": "PROVIDER_ERROR",
    "late": "PROVIDER_ERROR",
}


class TossBilling:
    def __init__(
        self, store: Store, books: Books, access: Access, cards: Cards, now: Callable[[], int]
    ) -> None:
        self._store = store
        self._books = books
        self._access = access
        self._cards = cards
        self._now = now

    def routes(self) -> list[Route]:
        admitted = self._access.admitted
        return [
            ("POST", "/v1/billing/authorizations/issue", admitted(self._issue)),
            ("POST", "/v1/billing/<billing_key:str>", admitted(self._charge)),
            ("DELETE", "/v1/billing/<billing_key:str>", admitted(self._delete)),
        ]

    def register(self, turn: RegisterTurn) -> Json:
        if not _CUSTOMER.fullmatch(turn.customer):
            raise NotPossible("customerKey is 2 to 50 of A-Z a-z 0-9 - _ = . @")
        if turn.outcome == "failed":
            return {
                "code": "PAY_PROCESS_CANCELED",
                "message": "사용자에 의해 결제가 취소되었습니다.",
            }
        auth = {"authKey": f"bln_{secrets.token_hex(12)}", "customerKey": turn.customer}
        self._store.put("auth", auth["authKey"], auth)
        return auth

    def lose(self, customer: str) -> None:
        for each in self._store.all("billing"):
            if each["customerKey"] == customer:
                self._store.put("billing", each["billingKey"], {**each, "removed": True})

    async def _issue(self, request: Request) -> Json:
        given = json_object(request) or {}
        auth = self._store.get("auth", str(given.get("authKey")))
        if auth is None or auth.get("used"):
            raise TossError("INVALID_BILLING_AUTH")
        if given.get("customerKey") != auth["customerKey"]:
            raise TossError("NOT_MATCHES_CUSTOMER_KEY")
        self._store.put("auth", auth["authKey"], {**auth, "used": True})
        key = f"{secrets.token_urlsafe(32)}="
        kept = {"billingKey": key, "customerKey": auth["customerKey"], "removed": False}
        self._store.put("billing", key, kept)
        card = {
            "issuerCode": "41",
            "acquirerCode": "41",
            "number": "55555555****555*",
            "cardType": "신용",
            "ownerType": "개인",
        }
        return {
            "mId": "bill_tosspayments",
            "customerKey": auth["customerKey"],
            "authenticatedAt": kst(self._now()),
            "method": "카드",
            "billingKey": key,
            "card": card,
            "cardCompany": "신한",
            "cardNumber": card["number"],
            "transfers": None,
            "easyPay": None,
        }

    def _key(self, billing_key: str) -> Json:
        kept = self._store.get("billing", billing_key)
        if kept is None:
            raise TossError("NOT_FOUND_BILLING")
        if kept["removed"]:
            raise TossError("ALREADY_REMOVED_BILLING_KEY")
        return kept

    async def _charge(self, request: Request, billing_key: str) -> Json:
        given, kept = json_object(request) or {}, self._key(unquote(billing_key))
        order_id, amount = str(given.get("orderId")), given.get("amount")
        if given.get("customerKey") != kept["customerKey"]:
            raise TossError("NOT_MATCHES_CUSTOMER_KEY")
        if not _ORDER_ID.fullmatch(order_id) or not isinstance(amount, int):
            raise TossError("INVALID_REQUEST")
        if not 1 <= len(str(given.get("orderName") or "")) <= 100:
            raise TossError("INVALID_REQUEST")
        if amount < _LEAST:
            raise TossError("BELOW_MINIMUM_AMOUNT")
        if self._books.confirmed(order_id):
            raise TossError("DUPLICATED_ORDER_ID")
        course = self._cards.take(kept["customerKey"])
        if course == "late":
            self._cards.hold_back(order_id, given)
        if course != "ok":
            raise TossError(_DECLINES[course])
        return self._approved(given)

    def _approved(self, given: Json) -> Json:
        payment = new_payment(BuyerTurn(order_id=given["orderId"]), given["amount"], self._now())
        payment |= {"type": "BILLING", "orderName": given["orderName"], "secret": None}
        approve_in_place(payment, self._now())
        return self._books.keep(payment)

    def approve_late(self, order_id: str) -> None:
        """Nothing tells of it, as nothing tells of any approval of a stored card."""
        if self._books.confirmed(order_id):
            raise NotPossible("The order was paid meanwhile")
        self._approved(self._cards.held_back(order_id))

    async def _delete(self, _request: Request, billing_key: str) -> Json:
        kept = self._key(unquote(billing_key))
        self._store.put("billing", kept["billingKey"], {**kept, "removed": True})
        return {}
