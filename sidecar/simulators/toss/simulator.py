"""Toss Payments' core API as its documentation has it, on this machine.

The buyer's turn in the window only authenticates: nothing is paid before `POST /payments/confirm`.
`outcome: failed` is a payment that the card company declines when it is confirmed.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Literal

from simulators.base import BuyerTurn, Handler, OnePayment, Simulator
from simulators.requests import NotPossible, Refusal, json_body
from simulators.toss.access import Access, TossError
from simulators.toss.cancels import cancel_in_place, settle_in_place
from simulators.toss.errors import error_body
from simulators.toss.listing import page
from simulators.toss.payment import (
    age_in_place,
    approve_in_place,
    deposit_in_place,
    new_payment,
    undo_deposit_in_place,
)
from simulators.toss.webhooks import (
    TossSender,
    cancel_status_changed,
    deposit_callback,
    status_changed,
)

if TYPE_CHECKING:
    from sanic import Blueprint, HTTPResponse, Request

    from simulators.store import Store
    from simulators.webhooks import Webhook, WebhookSettings

Json = dict[str, Any]

_ORDER_ID = re.compile(r"[A-Za-z0-9_=-]{6,64}")
_OVER = {"READY", "EXPIRED"}
_UNCONFIRMED = {"READY", "IN_PROGRESS", "EXPIRED", "ABORTED"}
# How the control API may have a payment's confirms go, and its next cancel.
_APPROVAL = {"code": None, "taken": False, "seconds": 0}
_CANCELLATION = {**_APPROVAL, "pending": False}


class RefundTurn(OnePayment):
    """What becomes of the payment's oldest cancel that is under way, or of the transfer of a
    deposit, whose money may be `returned` to the balance."""

    status: Literal["succeeded", "failed", "returned"]


class TossSimulator(Simulator):
    prefix = "toss"

    def __init__(self, store: Store, webhooks: WebhookSettings, *, secret_key: str) -> None:
        super().__init__(store, webhooks)
        self.sender = TossSender(webhooks, self.now)
        self._access = Access(store, secret_key, self.now)

    # ---- the gateway's own HTTP ----

    def routes(self) -> list[tuple[str, str, Handler]]:
        admitted = self._access.admitted
        return [
            ("POST", "/v1/payments/confirm", admitted(self._confirm)),
            ("GET", "/v1/payments/orders/<order_id:str>", admitted(self._read_order)),
            ("GET", "/v1/payments/<payment_key:str>", admitted(self._read)),
            ("POST", "/v1/payments/<payment_key:str>/cancel", admitted(self._cancel)),
            ("GET", "/v1/transactions", admitted(self._transactions)),
        ]

    async def _read(self, _request: Request, payment_key: str) -> Json:
        payment = self.store.get("payment", payment_key)
        if payment is None:
            raise TossError("NOT_FOUND_PAYMENT")
        return self._aged(payment)

    async def _read_order(self, _request: Request, order_id: str) -> Json:
        """The newest, or the one that was confirmed."""
        found = [payment for payment in self.payments() if payment["orderId"] == order_id]
        confirmed = [payment for payment in found if payment["status"] not in _UNCONFIRMED]
        if not found:
            raise TossError("NOT_FOUND_PAYMENT")
        return self._aged((confirmed or found)[-1])

    async def _confirm(self, request: Request) -> Json:
        given = request.json if isinstance(request.json, dict) else {}
        approval = self._approval(str(given.get("paymentKey")))
        await asyncio.sleep(approval["seconds"])
        payment = self._to_confirm(given)
        if approval["code"] is not None and not approval["taken"]:
            await self._decline(request, payment, approval["code"])
        approve_in_place(payment, self.now())
        await self._tell(self._keep(payment))
        if approval["code"] is not None:
            raise TossError(approval["code"])
        return payment

    def _to_confirm(self, given: Json) -> Json:
        payment = self.store.get("payment", str(given.get("paymentKey")))
        if payment is None:
            raise TossError("NOT_FOUND_PAYMENT")
        payment = self._aged(payment)
        if payment["status"] in _OVER or given.get("orderId") != payment["orderId"]:
            raise TossError("NOT_FOUND_PAYMENT_SESSION")
        if payment["status"] != "IN_PROGRESS":
            # Seen in the field: the second of two confirms is told about as ABORTED.
            self._announce(status_changed(payment, self.now(), status="ABORTED"))
            raise TossError("ALREADY_PROCESSED_PAYMENT")
        if given.get("amount") != payment["totalAmount"]:
            raise TossError("INVALID_REQUEST")
        if self._confirmed(payment["orderId"]):
            raise TossError("DUPLICATED_ORDER_ID")
        return payment

    async def _decline(self, request: Request, payment: Json, code: str) -> None:
        language = request.headers.get("accept-language", "")
        self._keep({**payment, "status": "ABORTED", "failure": error_body(code, language)})
        await self._tell(self._one(payment["paymentKey"]))
        raise TossError(code)

    async def _cancel(self, request: Request, payment_key: str) -> Json:
        given = request.json if isinstance(request.json, dict) else {}
        planned = self._cancellation(payment_key)
        await asyncio.sleep(planned["seconds"])
        payment = await self._read(request, payment_key)
        if not 1 <= len(str(given.get("cancelReason") or "")) <= 200:
            raise TossError("INVALID_REQUEST")
        if planned["code"] is not None and not planned["taken"]:
            raise TossError(planned["code"])
        refusal = cancel_in_place(payment, given, self.now(), pending=planned["pending"])
        if refusal is not None:
            raise TossError(refusal)
        await self._tell(self._keep(payment))
        if planned["code"] is not None:
            raise TossError(planned["code"])
        return payment

    async def _transactions(self, request: Request) -> list[Json]:
        query = {name: request.args.get(name) for name in request.args}
        return page(self.payments(), query)

    # ---- what the control API plays ----

    def pay(self, turn: BuyerTurn) -> tuple[Json, Webhook | None]:
        if turn.amount is None:
            raise Refusal("Toss is told the amount by the page: give one")
        if turn.live:
            raise NotPossible("The key says whether Toss payments are live: give another key")
        if not turn.force:
            self._check_window(turn.order_id)
        payment = new_payment(turn, turn.amount, self.now())
        key = payment["paymentKey"]
        agreed = self.now() if turn.outcome != "abandoned" else None
        told = {"opened": self.now(), "agreed": agreed, "webhook": turn.webhook}
        self.store.put("turn", key, told)
        self._keep(payment)
        if turn.outcome == "failed":
            self.store.put("approval", key, {**_APPROVAL, "code": "REJECT_CARD_COMPANY"})
        if turn.outcome == "abandoned":
            reason = "사용자에 의해 결제가 취소되었습니다."
            left = {"code": "PAY_PROCESS_CANCELED", "message": reason, "orderId": turn.order_id}
            return left, None
        # Toss announces nothing before the payment is confirmed.
        return {"paymentKey": key, "orderId": turn.order_id, "amount": turn.amount}, None

    def _check_window(self, order_id: str) -> None:
        if not _ORDER_ID.fullmatch(order_id):
            raise NotPossible("orderId is 6 to 64 of A-Z a-z 0-9 - _", code="invalid_order_id")
        if self._confirmed(order_id):
            raise NotPossible("Already paid (force skips this)", code="already_paid")

    def deposit(self, payment_key: str) -> Webhook:
        payment = self._aged(self._one(payment_key))
        deposit_in_place(payment, self.now())
        return self._announce_twice(payment)

    def undo_deposit(self, payment_key: str) -> Webhook:
        payment = self._one(payment_key)
        undo_deposit_in_place(payment)
        return self._announce_twice(payment)

    def refund(self, payment_key: str, amount: float | None) -> Webhook:
        payment = self._one(payment_key)
        account = {"bank": "20", "accountNumber": "1000123456789", "holderName": "김토큰"}
        given = {"cancelReason": "console", "cancelAmount": amount}
        refusal = cancel_in_place(payment, {**given, "refundReceiveAccount": account}, self.now())
        if refusal is not None:
            raise NotPossible(refusal)
        return status_changed(self._keep(payment), self.now())

    def _control(self) -> Blueprint:
        control = super()._control()
        control.add_route(self._refund_status, "/refund_status", methods=["POST"])
        return control

    async def _refund_status(self, request: Request) -> HTTPResponse:
        """How a cancel that was under way ended."""
        turn = json_body(request, RefundTurn)
        payment = self._one(turn.payment_key)
        cancel = settle_in_place(
            payment, succeeded=turn.status == "succeeded", returned=turn.status == "returned"
        )
        self._keep(payment)
        if cancel is None:
            return self._done(status_changed(payment, self.now()))
        return self._done(cancel_status_changed(payment, cancel, self.now()))

    def dispute(self, payment_key: str, status: str) -> Webhook:
        message = f"Toss shows no disputes ({payment_key}: {status})"
        raise NotPossible(message)

    def webhook(self, payment_key: str, forge: Json) -> Webhook:
        """`forge.event` chooses another than PAYMENT_STATUS_CHANGED; the rest replaces fields of
        its payment, or of itself where it is flat."""
        changes = {name: value for name, value in forge.items() if name != "event"}
        payment = self.store.get("payment", payment_key)
        if payment is None:
            payment = {"paymentKey": payment_key, "status": "DONE", "secret": "ps_forged"}
            payment |= {"lastTransactionKey": "txkey_forged", "orderId": changes.get("orderId", "")}
        if forge.get("event") == "DEPOSIT_CALLBACK":
            return deposit_callback(payment, self.now(), **changes)
        if forge.get("event") == "CANCEL_STATUS_CHANGED":
            return cancel_status_changed(payment, payment["cancels"][-1], self.now())
        webhook = status_changed(payment, self.now(), **changes)
        webhook.body.update(eventType=forge.get("event", webhook.body["eventType"]))
        return webhook

    def payments(self) -> list[Json]:
        return self.store.all("payment")

    def change(self, payment_key: str, fields: Json) -> Json:
        """Two are not shown: `approval`, `{code?, taken?, seconds?}`, is how confirms go, and
        `cancellation`, with `pending?` besides, how the next cancel goes."""
        for name, default in (("approval", _APPROVAL), ("cancellation", _CANCELLATION)):
            if name in fields:
                self.store.put(name, payment_key, {**default, **fields.pop(name)})
        return self._keep({**self._one(payment_key), **fields})

    def reset(self) -> None:
        """Nothing is kept outside the store."""

    def _approval(self, payment_key: str) -> Json:
        return self.store.get("approval", payment_key) or _APPROVAL

    def _cancellation(self, payment_key: str) -> Json:
        planned = self.store.get("cancellation", payment_key)
        self.store.put("cancellation", payment_key, _CANCELLATION)
        return planned or _CANCELLATION

    def _confirmed(self, order_id: str) -> bool:
        ours = (payment for payment in self.payments() if payment["orderId"] == order_id)
        return any(payment["status"] not in _UNCONFIRMED for payment in ours)

    def _aged(self, payment: Json) -> Json:
        told = self.store.get("turn", payment["paymentKey"])
        if told and age_in_place(payment, told["agreed"], told["opened"], self.now()):
            self._announce(
                status_changed(payment, self.now()) if told["webhook"] != "none" else None
            )
        return self._keep(payment)

    async def _tell(self, payment: Json) -> None:
        """Announces what a call has changed, when the buyer's turn asked for it."""
        told = self.store.get("turn", payment["paymentKey"]) or {}
        webhooks = [status_changed(payment, self.now())]
        if payment["virtualAccount"] is not None:
            webhooks.append(deposit_callback(payment, self.now()))
        for webhook in webhooks if told.get("webhook") != "none" else []:
            if told.get("webhook") == "before":
                await self.sender.send(webhook)
            else:
                self._announce(webhook)

    def _announce_twice(self, payment: Json) -> Webhook:
        """A merchant who registered both events gets both."""
        self._announce(deposit_callback(self._keep(payment), self.now()))
        return status_changed(payment, self.now())

    def _one(self, payment_key: str) -> Json:
        payment = self.store.get("payment", payment_key)
        if payment is None:
            raise NotPossible("No such payment", code="unknown_payment")
        return payment

    def _keep(self, payment: Json) -> Json:
        self.store.put("payment", payment["paymentKey"], payment)
        return payment
