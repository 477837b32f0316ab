"""Toss Payments' core API as its documentation has it, on this machine.

The buyer's turn in the window only authenticates: nothing is paid before `POST /payments/confirm`.
`outcome: failed` is a payment that the card company declines when it is confirmed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, Self

from simulators.base import Route, Simulator
from simulators.requests import NotPossible, Refusal, json_body
from simulators.store import Store
from simulators.toss.access import Access
from simulators.toss.api import TossApi
from simulators.toss.billing import TossBilling
from simulators.toss.books import Books
from simulators.toss.cash_receipts import TossCashReceipts, cancel_with_payment
from simulators.toss.payment import deposit_in_place, new_payment, undo_deposit_in_place
from simulators.toss.refund import cancel_in_place, settle_in_place
from simulators.toss.settings import PREFIX, TossSettings
from simulators.toss.webhook import (
    TossSender,
    cancel_status_changed,
    deposit_callback,
    status_changed,
)
from simulators.turns import OnePayment
from simulators.webhooks import WebhookSettings

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from simulators.cards import RegisterTurn
    from simulators.turns import BuyerTurn
    from simulators.webhooks import Webhook

Json = dict[str, Any]

_ORDER_ID = re.compile(r"[A-Za-z0-9_=-]{6,64}")
# The buyer's, as the merchant gives it at the console.
_ACCOUNT = {"bank": "20", "accountNumber": "1000123456789", "holderName": "김토큰"}


class RefundStatusTurn(OnePayment):
    """The end of the payment's oldest cancel that is under way, or of the transfer of a deposit.

    The money of a transfer may be `returned` to the balance.
    """

    status: Literal["succeeded", "failed", "returned"]


class TossSimulator(Simulator):
    prefix = PREFIX

    def __init__(self, store: Store, webhooks: WebhookSettings, *, secret_key: str) -> None:
        super().__init__(store, webhooks)
        self.sender: TossSender = TossSender(webhooks, self.now)
        self._access = Access(store, secret_key, self.now)
        self._books = Books(store, self.sender, self.now)
        self._api = TossApi(self._books, self._access, self.sender, self.now)
        self._receipts = TossCashReceipts(store, self._access, self.now)
        self._billing = TossBilling(store, self._books, self._access, self.cards, self.now)

    @classmethod
    def from_settings(cls, settings: TossSettings) -> Self:
        return cls(
            Store(settings.coinslot_simulators_state, PREFIX),
            WebhookSettings(url=f"{settings.sidecar_url}/payment/toss/webhook", retries=7),
            secret_key=settings.toss_secret_key,
        )

    def routes(self) -> list[Route]:
        return [*self._api.routes(), *self._billing.routes(), *self._receipts.routes()]

    def register(self, turn: RegisterTurn) -> Json:
        return self._billing.register(turn)

    def lose_card(self, customer: str) -> None:
        self._billing.lose(customer)

    def approve_late(self, order_id: str) -> None:
        self._billing.approve_late(order_id)

    def pay(self, turn: BuyerTurn) -> tuple[Json, Webhook | None]:
        if turn.amount is None:
            raise Refusal("Toss is told the amount by the page: give one")
        if turn.live:
            raise NotPossible("The key says whether Toss payments are live: give another key")
        if not turn.force:
            self._check_window(turn.order_id)
        payment = self._books.keep(new_payment(turn, turn.amount, self.now()))
        key, agreed = payment["paymentKey"], turn.outcome != "abandoned"
        self._books.note_turn(key, agreed=agreed, webhook=turn.webhook)
        if turn.cash_receipt is not None:
            self._books.note_receipt(key, turn.cash_receipt)
        if turn.outcome == "failed":
            self._books.plan(key, {"approval": {"code": "REJECT_CARD_COMPANY"}})
        if not agreed:
            reason = "사용자에 의해 결제가 취소되었습니다."
            left = {"code": "PAY_PROCESS_CANCELED", "message": reason, "orderId": turn.order_id}
            return left, None
        # Toss announces nothing before the payment is confirmed.
        return {"paymentKey": key, "orderId": turn.order_id, "amount": turn.amount}, None

    def _check_window(self, order_id: str) -> None:
        if not _ORDER_ID.fullmatch(order_id):
            raise NotPossible("orderId is 6 to 64 of A-Z a-z 0-9 - _", code="invalid_order_id")
        if self._books.confirmed(order_id):
            raise NotPossible("Already paid (force skips this)", code="already_paid")

    def deposit(self, payment_key: str) -> Webhook:
        payment = self._books.aged(self._books.one(payment_key))
        deposit_in_place(payment, self.now())
        self._books.receive_receipt(payment)
        return self._announce_twice(payment)

    def undo_deposit(self, payment_key: str) -> Webhook:
        payment = self._books.one(payment_key)
        came = payment["approvedAt"]
        undo_deposit_in_place(payment)
        self._books.note_undone(payment, came)
        return self._announce_twice(payment)

    def _announce_twice(self, payment: Json) -> Webhook:
        """Sends the older event and returns the newer: a merchant may have registered both."""
        self._announce(deposit_callback(self._books.keep(payment), self.now()))
        return status_changed(payment, self.now())

    def refund(self, payment_key: str, amount: float | None) -> Webhook:
        payment = self._books.one(payment_key)
        given = {"cancelReason": "console", "cancelAmount": amount}
        refusal = cancel_in_place(payment, {**given, "refundReceiveAccount": _ACCOUNT}, self.now())
        if refusal is not None:
            raise NotPossible(refusal)
        cancel_with_payment(payment, self.now())
        return status_changed(self._books.keep(payment), self.now())

    def _control_routes(self) -> list[Route]:
        more = [("POST", "/refund_status", self._refund_status), *self._receipts.control_routes()]
        return [*super()._control_routes(), *more]

    async def _refund_status(self, request: Request) -> HTTPResponse:
        """Ends a cancel that is under way."""
        turn = json_body(request, RefundStatusTurn)
        payment = self._books.one(turn.payment_key)
        cancel = settle_in_place(
            payment, succeeded=turn.status == "succeeded", returned=turn.status == "returned"
        )
        self._books.keep(payment)
        if cancel is None:
            return self._done(status_changed(payment, self.now()))
        return self._done(cancel_status_changed(payment, cancel, self.now()))

    def dispute(self, payment_key: str, status: str) -> Webhook:
        message = f"Toss shows no disputes ({payment_key}: {status})"
        raise NotPossible(message)

    def webhook(self, payment_key: str, forge: Json) -> Webhook:
        """The payment's webhook with other fields: of its payment, or of itself where it is flat.

        `forge.event` chooses another event than PAYMENT_STATUS_CHANGED.
        """
        changes = {name: value for name, value in forge.items() if name != "event"}
        payment = self._books.find(payment_key) or _forged_payment(payment_key, changes)
        if forge.get("event") == "DEPOSIT_CALLBACK":
            return deposit_callback(payment, self.now(), **changes)
        if forge.get("event") == "CANCEL_STATUS_CHANGED":
            return cancel_status_changed(payment, payment["cancels"][-1], self.now())
        webhook = status_changed(payment, self.now(), **changes)
        webhook.body.update(eventType=forge.get("event", webhook.body["eventType"]))
        return webhook

    def payments(self) -> list[Json]:
        return self._books.all()

    def change(self, payment_key: str, fields: Json) -> Json:
        """Overwrites fields. Two are plans and not shown.

        `approval`, `{code?, taken?, seconds?, stumbles?, then?}`, is the course of confirms: so
        many `stumbles` leave the payment as it is, and `then` is the code after them.
        `cancellation`, with `pending?` besides, is the course of the next cancel.
        """
        self._books.plan(payment_key, fields)
        return self._books.keep({**self._books.one(payment_key), **fields})


def _forged_payment(payment_key: str, changes: Json) -> Json:
    return {
        "paymentKey": payment_key,
        "status": "DONE",
        "secret": "ps_forged",
        "lastTransactionKey": "txkey_forged",
        "orderId": changes.get("orderId", ""),
    }
