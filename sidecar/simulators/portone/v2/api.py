"""PortOne V2's own HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field
from pydantic_core import from_json
from sanic.response import json

from simulators.portone.v2.errors import failed
from simulators.portone.v2.listing import Listing, listed
from simulators.portone.v2.payment import moved, stamp
from simulators.portone.v2.refund import Cancel, broken, refused
from simulators.requests import json_object

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from simulators.base import Handler, Route
    from simulators.portone.v2.access import Access, IdempotencyKeys
    from simulators.portone.v2.books import Books
    from simulators.portone.v2.webhook import SignedSender
    from simulators.store import Store

Json = dict[str, Any]


class PreRegister(BaseModel):
    storeId: str | None = None  # noqa: N815 - PortOne's name
    totalAmount: int | None = Field(default=None, ge=0)  # noqa: N815
    currency: str = "KRW"


class PortOneV2Api:
    def __init__(
        self,
        store: Store,
        books: Books,
        access: Access,
        keys: IdempotencyKeys,
        sender: SignedSender,
    ) -> None:
        self._store = store
        self._books = books
        self._access = access
        self._keys = keys
        self._sender = sender

    def routes(self) -> list[Route]:
        one = "/payments/<payment_id:str>"
        admitted = self._access.admitted
        return [
            ("GET", "/payments", admitted(self._list)),
            ("GET", one, admitted(self._read)),
            ("POST", f"{one}/pre-register", self._writing(self._pre_register)),
            ("POST", f"{one}/cancel", self._writing(self._cancel)),
            ("POST", f"{one}/virtual-account/close", self._writing(self._close_account)),
            ("POST", f"{one}/resend-webhook", self._writing(self._resend_webhook)),
        ]

    def _writing(self, handler: Handler) -> Handler:
        return self._access.admitted(self._keys.once(handler))

    async def _read(self, _request: Request, payment_id: str) -> HTTPResponse:
        payment = self._books.shown(payment_id)
        return json(payment) if payment else failed("PAYMENT_NOT_FOUND", 404)

    async def _list(self, request: Request) -> HTTPResponse:
        """Takes the filter as JSON in the query, as PortOne has every structured GET."""
        try:
            body = from_json(request.args.get("requestBody", "{}"))
        except ValueError:
            return failed("INVALID_REQUEST", 400)
        asked = Listing.model_validate(body)
        if self._access.is_foreign(asked.filter.storeId):
            return failed("FORBIDDEN", 403)
        return json(listed(self._books.all(), asked, self._books.now()))

    async def _pre_register(self, request: Request, payment_id: str) -> HTTPResponse:
        given = PreRegister.model_validate(json_object(request) or {})
        if "paidAt" in (self._books.shown(payment_id) or {}):
            return failed("ALREADY_PAID", 409)
        self._store.put("prepared", payment_id, given.model_dump())
        return json({})

    async def _cancel(self, request: Request, payment_id: str) -> HTTPResponse:
        given = Cancel.model_validate(json_object(request) or {})
        await asyncio.sleep(self._sender.settings.processing_s)
        payment = self._books.shown(payment_id)
        refusal = refused(payment, given)
        if payment is None or refusal is not None:
            return refusal or failed("PAYMENT_NOT_FOUND", 404)
        failure = broken(self._sender.settings.cancels)
        if failure is not None:
            return failure
        cancellation, webhook = self._books.cancel(
            payment, given.amount, "API", given.reason, self._sender.settings.cancels
        )
        if webhook is not None and not given.skipWebhook:
            self._sender.announce(webhook)
        return json({"cancellation": cancellation})

    async def _close_account(self, _request: Request, payment_id: str) -> HTTPResponse:
        payment = self._books.shown(payment_id)
        if payment is None:
            return failed("PAYMENT_NOT_FOUND", 404)
        if payment["status"] != "VIRTUAL_ACCOUNT_ISSUED":
            return failed("PAYMENT_NOT_WAITING_FOR_DEPOSIT", 409)
        now = self._books.now()
        payment.update(moved("CANCELLED", now), cancelledAt=stamp(now), cancellations=[])
        self._sender.announce(self._books.events.happened(self._books.keep(payment)))
        return json({"closedAt": stamp(now)})

    async def _resend_webhook(self, request: Request, payment_id: str) -> HTTPResponse:
        if self._books.shown(payment_id) is None:
            return failed("PAYMENT_NOT_FOUND", 404)
        asked = json_object(request) or {}
        event = self._books.events.about(payment_id, asked.get("webhookId"))
        if event is None:
            return failed("WEBHOOK_NOT_FOUND", 404)
        delivery = await self._sender.once(event)
        taken = delivery["status"] is not None and 200 <= delivery["status"] < 300
        webhook = {
            "id": event.event_id,
            "url": self._sender.settings.url,
            "status": "SUCCEEDED" if taken else "FAILED_NOT_OK_RESPONSE",
            "trigger": "MANUAL",
            "triggeredAt": stamp(self._books.now()),
        }
        return json({"webhook": webhook})
