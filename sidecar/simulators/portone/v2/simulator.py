"""PortOne V2 as its API schema has it, on this machine.

A payment (`paymentId`, the merchant's own) is tried any number of times, each with a transaction
id; at most one attempt succeeds, and that one is shown.
"""

from __future__ import annotations

import asyncio
import json as jsonlib
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError
from sanic.response import json

from simulators.base import BuyerTurn, Handler, OnePayment, Simulator
from simulators.portone.v2.events import Events
from simulators.portone.v2.idempotency import IdempotencyKeys
from simulators.portone.v2.listing import Listing, listed, shown
from simulators.portone.v2.payment import (
    CancelStatus,
    cancel_in_place,
    deposit_in_place,
    dispute_in_place,
    new_payment,
    resolve_dispute_in_place,
    settle_in_place,
    stamp,
    undo_deposit_in_place,
)
from simulators.portone.v2.requests import (
    Cancel,
    PreRegister,
    RefundAccount,
    broken,
    failed,
    refused,
)
from simulators.portone.v2.webhooks import SignedSender, V2Webhook
from simulators.requests import NotPossible, Refusal, json_body

if TYPE_CHECKING:
    from sanic import Blueprint, HTTPResponse, Request

    from simulators.portone.v2.webhooks import V2Settings
    from simulators.store import Store

Json = dict[str, Any]


# The buyer's, as somebody gives it at the console.
_ACCOUNT = RefundAccount(bank="SHINHAN", number="110000000000", holderName="Kim")
_ENDS: dict[str, CancelStatus] = {"requested": "REQUESTED", "failed": "FAILED"}


class Settled(OnePayment):
    outcome: Literal["succeeded", "failed"]


class PortOneV2Simulator(Simulator):
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
        self._events = Events(store, store_id, self.now)

    # ---- the gateway's own HTTP ----

    def routes(self) -> list[tuple[str, str, Handler]]:
        one = "/payments/<payment_id:str>"
        return [
            ("GET", "/payments", self._admitted(self._list)),
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

    async def _list(self, request: Request) -> HTTPResponse:
        """Structured input of a GET comes as JSON in the query."""
        try:
            body = jsonlib.loads(request.args.get("requestBody", "{}"))
        except ValueError:
            return failed("INVALID_REQUEST", 400)
        asked = Listing.model_validate(body)
        if asked.filter.storeId not in {None, self._store_id}:
            return failed("FORBIDDEN", 403)
        return json(listed(self.store.all("payment"), asked, self.now()))

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
        failure = broken(self.sender.settings.cancels)
        if failure is not None:
            return failure
        cancellation, webhook = self._canceled(payment, given.amount, "API", given.reason)
        self._announce(None if given.skipWebhook else webhook)
        return json({"cancellation": cancellation})

    async def _resend_webhook(self, request: Request, payment_id: str) -> HTTPResponse:
        if self._shown(payment_id) is None:
            return failed("PAYMENT_NOT_FOUND", 404)
        event = self._events.about(payment_id, (request.json or {}).get("webhookId"))
        if event is None:
            return failed("WEBHOOK_NOT_FOUND", 404)
        delivery = await self.sender.once(event)
        taken = delivery["status"] is not None and 200 <= delivery["status"] < 300
        webhook = {
            "id": event.event_id,
            "url": self.sender.settings.url,
            "status": "SUCCEEDED" if taken else "FAILED_NOT_OK_RESPONSE",
            "trigger": "MANUAL",
            "triggeredAt": stamp(self.now()),
        }
        return json({"webhook": webhook})

    def _shown(self, payment_id: str) -> Json | None:
        return shown([each for each in self.store.all("payment") if each["id"] == payment_id])

    # ---- what the control API plays ----

    def pay(self, turn: BuyerTurn) -> tuple[Json, V2Webhook | None]:
        prepared = self.store.get("prepared", turn.order_id) or {}
        total = prepared.get("totalAmount") if turn.amount is None else int(turn.amount)
        if total is None:
            raise Refusal("This order was never registered: give an amount")
        self._check_window(turn, prepared)
        payment = new_payment(
            turn=turn,
            total=total,
            currency=turn.currency or prepared.get("currency", "KRW"),
            store_id=self._store_id,
            channel_key=self._channel_key,
            now=self.now(),
        )
        ready = self._events.happened({**payment, "status": "READY"})
        carried = {"paymentId": payment["id"], "transactionId": payment["transactionId"]}
        self._keep(payment)
        if turn.outcome == "abandoned":
            return carried, ready
        if turn.outcome == "failed":
            failure = payment["failure"]
            carried |= {"code": "FAILURE_TYPE_PG", "message": failure["reason"]}
        return carried, self._events.happened(payment, previous=ready)

    def _check_window(self, turn: BuyerTurn, prepared: Json) -> None:
        """What the window refuses by itself; a second success nobody can force."""
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
        return self._events.happened(self._keep(payment))

    def undo_deposit(self, payment_key: str) -> V2Webhook:
        payment = self._one(payment_key)
        undo_deposit_in_place(payment, self.now())
        return self._events.happened(self._keep(payment))

    def refund(self, payment_key: str, amount: float | None) -> V2Webhook | None:
        payment = self._one(payment_key)
        part = None if amount is None else int(amount)
        refusal = refused(payment, Cancel(reason="console", amount=part, refundAccount=_ACCOUNT))
        if refusal is not None:
            raise NotPossible((refusal.body or b"").decode())
        return self._canceled(payment, part, "CONSOLE", "console")[1]

    def dispute(self, payment_key: str, status: str) -> V2Webhook:
        """`created`, then `won` by the merchant, or `lost`: the bank takes what is left."""
        payment = self._one(payment_key)
        if status == "created":
            dispute_in_place(payment, self.now())
            return self._events.happened(self._keep(payment), kind="DisputeCreated")
        if status not in {"won", "lost"}:
            raise NotPossible("A dispute is created, won or lost")
        resolve_dispute_in_place(payment, self.now())
        resolved = self._events.happened(self._keep(payment), kind="DisputeResolved")
        if status == "won":
            return resolved
        taken = cancel_in_place(
            payment, amount=None, reason="dispute", trigger="CHARGEBACK", now=self.now()
        )
        return self._events.happened(
            self._keep(payment), previous=resolved, cancellationId=taken["id"]
        )

    def webhook(self, payment_key: str, forge: Json) -> V2Webhook:
        return self._events.forged(payment_key, forge)

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
        self, payment: Json, amount: int | None, trigger: str, reason: str
    ) -> tuple[Json, V2Webhook | None]:
        """The cancellation as the settings have it end, and the webhook about it."""
        status = _ENDS.get(self.sender.settings.cancels, "SUCCEEDED")
        cancellation = cancel_in_place(
            payment, amount=amount, reason=reason, trigger=trigger, now=self.now(), status=status
        )
        self._keep(payment)
        if status == "FAILED":
            return cancellation, None
        kind = "CancelPending" if status == "REQUESTED" else None
        return cancellation, self._events.happened(
            payment, kind=kind, cancellationId=cancellation["id"]
        )

    def _control(self) -> Blueprint:
        control = super()._control()
        control.add_route(self._settle_refund, "/settle_refund", methods=["POST"])
        return control

    async def _settle_refund(self, request: Request) -> HTTPResponse:
        """A cancellation under way ends; of one that fails, no webhook tells."""
        asked = json_body(request, Settled)
        payment = self._one(asked.payment_key)
        settled = settle_in_place(payment, asked.outcome, self.now())
        self._keep(payment)
        if asked.outcome == "failed":
            return self._done(None)
        return self._done(self._events.happened(payment, cancellationId=settled["id"]))
