"""PortOne V2 as its API schema has it, on this machine.

A payment (`paymentId`, the merchant's own) is tried any number of times, each with a transaction
id; at most one attempt succeeds, and that one is shown.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pydantic import ValidationError
from sanic.response import json

from sidecar.errors import InvalidRequest
from sidecar.sandbox.gateways.base import BuyerTurn, Handler, NotPossible, Simulator
from sidecar.sandbox.gateways.portone_v2_idempotency import IdempotencyKeys
from sidecar.sandbox.gateways.portone_v2_payment import (
    cancel_in_place,
    deposit_in_place,
    dispute_in_place,
    new_payment,
    resolve_dispute_in_place,
    stamp,
    undo_deposit_in_place,
)
from sidecar.sandbox.gateways.portone_v2_requests import Cancel, PreRegister, failed, refused
from sidecar.sandbox.gateways.portone_v2_webhooks import SignedSender, V2Webhook

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from sidecar.sandbox.gateways.portone_v2_webhooks import V2Settings
    from sidecar.sandbox.gateways.store import Store

Json = dict[str, Any]

_ANNOUNCED = {
    "READY": "Ready",
    "PAID": "Paid",
    "FAILED": "Failed",
    "PAY_PENDING": "PayPending",
    "VIRTUAL_ACCOUNT_ISSUED": "VirtualAccountIssued",
    "PARTIAL_CANCELLED": "PartialCancelled",
    "CANCELLED": "Cancelled",
}


class PortOneV2(Simulator):
    prefix = "portone-v2"

    def __init__(
        self,
        store: Store,
        webhooks: V2Settings,
        *,
        api_secret: str,
        store_id: str,
        channel_key: str,
    ) -> None:
        super().__init__(store, webhooks)
        self.sender: SignedSender = SignedSender(webhooks)
        self._authorization = f"PortOne {api_secret}"
        self._store_id = store_id
        self._channel_key = channel_key
        self._keys = IdempotencyKeys(self.now)

    # ---- the gateway's own HTTP ----

    def routes(self) -> list[tuple[str, str, Handler]]:
        one = "/payments/<payment_id:str>"
        return [
            ("GET", one, self._admitted(self._read)),
            ("POST", f"{one}/pre-register", self._writing(self._pre_register)),
            ("POST", f"{one}/cancel", self._writing(self._cancel)),
            ("POST", f"{one}/resend-webhook", self._writing(self._resend_webhook)),
        ]

    def _writing(self, handler: Handler) -> Handler:
        return self._admitted(self._keys.keep(handler))

    def _admitted(self, handler: Handler) -> Handler:
        async def call(request: Request, **path: str) -> HTTPResponse:
            if request.headers.get("authorization") != self._authorization:
                return failed("UNAUTHORIZED", 401)
            body = request.json if request.method == "POST" and request.body else {}
            if not isinstance(body, dict):
                return failed("INVALID_REQUEST", 400)
            store = request.args.get("storeId") or body.get("storeId") or self._store_id
            if store != self._store_id:
                return failed("FORBIDDEN", 403)
            try:
                return await handler(request, **path)
            except ValidationError as error:
                return failed("INVALID_REQUEST", 400, str(error.errors()[0]["loc"]))

        return call

    async def _read(self, _request: Request, payment_id: str) -> HTTPResponse:
        payment = self._shown(payment_id)
        return json(payment) if payment else failed("PAYMENT_NOT_FOUND", 404)

    async def _pre_register(self, request: Request, payment_id: str) -> HTTPResponse:
        given = PreRegister.model_validate(request.json or {})
        if "paidAt" in (self._shown(payment_id) or {}):
            return failed("ALREADY_PAID", 409)
        self.store.put("prepared", payment_id, given.model_dump())
        return json({})

    async def _cancel(self, request: Request, payment_id: str) -> HTTPResponse:
        given = Cancel.model_validate(request.json or {})
        await asyncio.sleep(self.sender.settings.processing_s)
        payment = self._shown(payment_id)
        refusal = refused(payment, given)
        if payment is None or refusal is not None:
            return refusal or failed("PAYMENT_NOT_FOUND", 404)
        cancellation = cancel_in_place(
            payment, amount=given.amount, reason=given.reason, trigger="API", now=self.now()
        )
        webhook = self._event(self._keep(payment), cancellationId=cancellation["id"])
        self._announce(None if given.skipWebhook else webhook)
        return json({"cancellation": cancellation})

    async def _resend_webhook(self, request: Request, payment_id: str) -> HTTPResponse:
        if self._shown(payment_id) is None:
            return failed("PAYMENT_NOT_FOUND", 404)
        asked = (request.json or {}).get("webhookId")
        events = [
            e for e in self.store.all("event") if e["body"]["data"]["paymentId"] == payment_id
        ]
        found = [e for e in events if asked in {None, e["event_id"]}]
        if not found:
            return failed("WEBHOOK_NOT_FOUND", 404)
        delivery = await self.sender.once(V2Webhook(**found[-1]))
        taken = delivery["status"] is not None and 200 <= delivery["status"] < 300
        webhook = {
            "id": found[-1]["event_id"],
            "url": self.sender.settings.url,
            "status": "SUCCEEDED" if taken else "FAILED_NOT_OK_RESPONSE",
            "trigger": "MANUAL",
            "triggeredAt": stamp(self.now()),
        }
        return json({"webhook": webhook})

    def _shown(self, payment_id: str) -> Json | None:
        """The attempt that succeeded, else the latest."""
        attempts = [each for each in self.store.all("payment") if each["id"] == payment_id]
        paid = [each for each in attempts if "paidAt" in each]
        found = paid or attempts
        return found[-1] if found else None

    # ---- what the control API plays ----

    def pay(self, turn: BuyerTurn) -> tuple[Json, V2Webhook | None]:
        prepared = self.store.get("prepared", turn.order_id) or {}
        total = prepared.get("totalAmount") if turn.amount is None else int(turn.amount)
        if total is None:
            raise InvalidRequest("This order was never registered: give an amount")
        self._check_window(turn, prepared)
        payment = new_payment(
            turn=turn,
            total=total,
            currency=turn.currency or prepared.get("currency", "KRW"),
            store_id=self._store_id,
            channel_key=self._channel_key,
            now=self.now(),
        )
        ready = self._event({**payment, "status": "READY"})
        carried = {"paymentId": payment["id"], "transactionId": payment["transactionId"]}
        self._keep(payment)
        if turn.outcome == "abandoned":
            return carried, ready
        if turn.outcome == "failed":
            failure = payment["failure"]
            carried |= {"code": "FAILURE_TYPE_PG", "message": failure["reason"]}
        return carried, self._event(payment, previous=ready)

    def _check_window(self, turn: BuyerTurn, prepared: Json) -> None:
        """What the payment window refuses by itself; a second success nobody can force."""
        if "paidAt" in (self._shown(turn.order_id) or {}):
            raise NotPossible("Already paid", code="already_paid")
        if turn.force or not prepared:
            return
        for name, registered in (("amount", "totalAmount"), ("currency", "currency")):
            if getattr(turn, name) not in {None, prepared[registered]}:
                message = f"Another {name} was registered (force skips this)"
                raise NotPossible(message, code="AmountNotEqualToPredefined")

    def deposit(self, payment_key: str) -> V2Webhook:
        payment = self._one(payment_key)
        deposit_in_place(payment, self.now())
        return self._event(self._keep(payment))

    def undo_deposit(self, payment_key: str) -> V2Webhook:
        payment = self._one(payment_key)
        undo_deposit_in_place(payment, self.now())
        return self._event(self._keep(payment))

    def refund(self, payment_key: str, amount: float | None) -> V2Webhook:
        payment = self._one(payment_key)
        part = None if amount is None else int(amount)
        refusal = refused(payment, Cancel(reason="console", amount=part))
        if refusal is not None:
            raise NotPossible((refusal.body or b"").decode())
        return self._canceled(payment, part, "CONSOLE")

    def dispute(self, payment_key: str, status: str) -> V2Webhook:
        """`created`, then `won` by the merchant, or `lost`: the bank takes what is left."""
        payment = self._one(payment_key)
        if status == "created":
            dispute_in_place(payment, self.now())
            return self._event(self._keep(payment), kind="DisputeCreated")
        if status not in {"won", "lost"}:
            raise NotPossible("A dispute is created, won or lost")
        resolve_dispute_in_place(payment, self.now())
        resolved = self._event(self._keep(payment), kind="DisputeResolved")
        if status == "won":
            return resolved
        return self._canceled(payment, None, "CHARGEBACK", previous=resolved)

    def webhook(self, payment_key: str, forge: Json) -> V2Webhook:
        """`forge` overwrites fields of the body, `signature` says how it is signed then: `wrong`
        (the default), `none`, `old`, `new`, or `valid` as if PortOne itself had sent it."""
        known = [e for e in self.store.all("event") if e["payment_key"] == payment_key]
        if not forge and known:
            return V2Webhook(**known[-1])
        event = known[-1] if known else self._new_event(payment_key, "Paid", "", None)
        top = {name: forge[name] for name in ("type", "timestamp") if name in forge}
        named = {k: v for k, v in forge.items() if k not in {"type", "timestamp", "signature"}}
        body = {**event["body"], **top, "data": {**event["body"]["data"], **named}}
        return V2Webhook(
            payment_key, body, {}, str(uuid4()), signature=forge.get("signature", "wrong")
        )

    def payments(self) -> list[Json]:
        return self.store.all("payment")

    def change(self, payment_key: str, fields: Json) -> Json:
        return self._keep({**self._one(payment_key), **fields})

    def reset(self) -> None:
        self._keys.forget()

    def _one(self, payment_key: str) -> Json:
        payment = self.store.get("payment", payment_key) or self._shown(payment_key)
        if payment is None:
            raise NotPossible("No such payment", code="unknown_payment")
        return payment

    def _keep(self, payment: Json) -> Json:
        self.store.put("payment", payment["transactionId"], payment)
        return payment

    def _canceled(
        self, payment: Json, amount: int | None, trigger: str, previous: V2Webhook | None = None
    ) -> V2Webhook:
        cancellation = cancel_in_place(
            payment, amount=amount, reason="console", trigger=trigger, now=self.now()
        )
        return self._event(
            self._keep(payment), previous=previous, cancellationId=cancellation["id"]
        )

    def _event(
        self,
        payment: Json,
        *,
        kind: str | None = None,
        previous: V2Webhook | None = None,
        **data: str,
    ) -> V2Webhook:
        """Something happened to the payment: kept, so that every delivery of it has one id."""
        kind = kind or _ANNOUNCED[payment["status"]]
        event = self._new_event(payment["transactionId"], kind, payment["id"], data)
        self.store.put("event", event["event_id"], event)
        return V2Webhook(**event, previous=previous)

    def _new_event(
        self, transaction_id: str, kind: str, payment_id: str, data: dict[str, str] | None
    ) -> Json:
        named = {
            "storeId": self._store_id,
            "paymentId": payment_id,
            "transactionId": transaction_id,
            **(data or {}),
        }
        body = {"type": f"Transaction.{kind}", "timestamp": stamp(self.now()), "data": named}
        event_id = str(uuid4())
        return {"payment_key": transaction_id, "body": body, "headers": {}, "event_id": event_id}
