"""Toss Payments' own HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from simulators.requests import json_object
from simulators.toss.cash_receipts import cancel_with_payment
from simulators.toss.errors import TossError, error_body
from simulators.toss.listing import page
from simulators.toss.payment import approve_in_place
from simulators.toss.refund import cancel_in_place
from simulators.toss.webhook import status_changed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sanic import Request

    from simulators.base import Route
    from simulators.toss.access import Access
    from simulators.toss.books import Books
    from simulators.toss.webhook import TossSender

Json = dict[str, Any]

_OVER = {"READY", "EXPIRED"}


class TossApi:
    def __init__(
        self, books: Books, access: Access, sender: TossSender, now: Callable[[], int]
    ) -> None:
        self._books = books
        self._access = access
        self._sender = sender
        self._now = now

    def routes(self) -> list[Route]:
        admitted = self._access.admitted
        return [
            ("POST", "/v1/payments/confirm", admitted(self._confirm)),
            ("GET", "/v1/payments/orders/<order_id:str>", admitted(self._read_order)),
            ("GET", "/v1/payments/<payment_key:str>", admitted(self._read)),
            ("POST", "/v1/payments/<payment_key:str>/cancel", admitted(self._cancel)),
            ("GET", "/v1/transactions", admitted(self._transactions)),
        ]

    async def _read(self, _request: Request, payment_key: str) -> Json:
        return self._books.aged(self._found(payment_key))

    def _found(self, payment_key: str) -> Json:
        payment = self._books.find(payment_key)
        if payment is None:
            raise TossError("NOT_FOUND_PAYMENT")
        return payment

    async def _read_order(self, _request: Request, order_id: str) -> Json:
        """The newest payment of the order, or the one that was confirmed."""
        found = self._books.confirmed(order_id) or self._books.all(order_id)
        if not found:
            raise TossError("NOT_FOUND_PAYMENT")
        return self._books.aged(found[-1])

    async def _confirm(self, request: Request) -> Json:
        given = _body(request)
        approval = self._books.approval(str(given.get("paymentKey")))
        await asyncio.sleep(approval["seconds"])
        payment = self._to_confirm(given)
        if self._books.stumbles(payment["paymentKey"]):
            raise TossError(approval["code"])
        if approval["code"] is not None and not approval["taken"]:
            await self._decline(request, payment, approval["code"])
        approve_in_place(payment, self._now())
        self._books.receive_receipt(payment)
        await self._books.tell(self._books.keep(payment))
        if approval["code"] is not None:
            raise TossError(approval["code"])
        return payment

    def _to_confirm(self, given: Json) -> Json:
        payment = self._books.aged(self._found(str(given.get("paymentKey"))))
        if payment["status"] in _OVER or given.get("orderId") != payment["orderId"]:
            raise TossError("NOT_FOUND_PAYMENT_SESSION")
        if payment["status"] != "IN_PROGRESS":
            # Seen in the field: the second of two confirms is told about as ABORTED.
            self._sender.announce(status_changed(payment, self._now(), status="ABORTED"))
            raise TossError("ALREADY_PROCESSED_PAYMENT")
        if given.get("amount") != payment["totalAmount"]:
            raise TossError("INVALID_REQUEST")
        if self._books.confirmed(payment["orderId"]):
            raise TossError("DUPLICATED_ORDER_ID")
        return payment

    async def _decline(self, request: Request, payment: Json, code: str) -> None:
        failure = error_body(code, request.headers.get("accept-language", ""))
        payment |= {"status": "ABORTED", "failure": failure}
        await self._books.tell(self._books.keep(payment))
        raise TossError(code)

    async def _cancel(self, request: Request, payment_key: str) -> Json:
        given = _body(request)
        planned = self._books.cancellation(payment_key)
        await asyncio.sleep(planned["seconds"])
        payment = self._books.aged(self._found(payment_key))
        if not 1 <= len(str(given.get("cancelReason") or "")) <= 200:
            raise TossError("INVALID_REQUEST")
        if planned["code"] is not None and not planned["taken"]:
            raise TossError(planned["code"])
        refusal = cancel_in_place(payment, given, self._now(), pending=planned["pending"])
        if refusal is not None:
            raise TossError(refusal)
        cancel_with_payment(payment, self._now())
        await self._books.tell(self._books.keep(payment))
        if planned["code"] is not None:
            raise TossError(planned["code"])
        return payment

    async def _transactions(self, request: Request) -> list[Json]:
        query = {name: request.args.get(name) for name in request.args}
        return page(self._books.all(), self._books.undone(), query)


def _body(request: Request) -> Json:
    body = json_object(request)
    if body is None:
        raise TossError("INVALID_REQUEST")
    return body
