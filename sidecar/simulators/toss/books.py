"""The payments that Toss keeps, and the turns and plans of the control API about each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulators.requests import NotPossible
from simulators.toss.cash_receipts import receipt_with_payment
from simulators.toss.payment import age_in_place, kst
from simulators.toss.webhook import deposit_callback, status_changed

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulators.store import Store
    from simulators.toss.webhook import TossSender

Json = dict[str, Any]

_UNCONFIRMED = {"READY", "IN_PROGRESS", "EXPIRED", "ABORTED"}
# The course of a payment's confirms, and of its next cancel, unless the control API plans another.
_APPROVAL: Json = {"code": None, "taken": False, "seconds": 0, "stumbles": 0}
_CANCELLATION: Json = {**_APPROVAL, "pending": False}


class Books:
    def __init__(self, store: Store, sender: TossSender, now: Callable[[], int]) -> None:
        self._store = store
        self._sender = sender
        self._now = now

    def all(self, order_id: str | None = None) -> list[Json]:
        """Oldest first; those of one order, where it is named."""
        if order_id is None:
            return self._store.all("payment")
        return self._store.all("payment", orderId=order_id)

    def find(self, payment_key: str) -> Json | None:
        return self._store.get("payment", payment_key)

    def one(self, payment_key: str) -> Json:
        payment = self.find(payment_key)
        if payment is None:
            raise NotPossible("No such payment", code="unknown_payment")
        return payment

    def keep(self, payment: Json) -> Json:
        self._store.put("payment", payment["paymentKey"], payment)
        return payment

    def confirmed(self, order_id: str) -> list[Json]:
        """The payments of an order that went past their confirm."""
        return [each for each in self.all(order_id) if each["status"] not in _UNCONFIRMED]

    def aged(self, payment: Json) -> Json:
        """The payment as time has left it."""
        turn = self._turn(payment)
        if turn and age_in_place(payment, turn["agreed"], turn["opened"], self._now()):
            self._announce(payment, turn)
        return self.keep(payment)

    async def tell(self, payment: Json) -> None:
        """Sends the webhooks about a call's change, as the buyer's turn asked for them."""
        turn = self._turn(payment)
        webhooks = [status_changed(payment, self._now())]
        if payment["virtualAccount"] is not None:
            webhooks.append(deposit_callback(payment, self._now()))
        for webhook in webhooks if turn.get("webhook") != "none" else []:
            if turn.get("webhook") == "before":
                await self._sender.send(webhook)
            else:
                self._sender.announce(webhook)

    def _announce(self, payment: Json, turn: Json) -> None:
        if turn["webhook"] != "none":
            self._sender.announce(status_changed(payment, self._now()))

    def note_undone(self, payment: Json, came: str) -> None:
        """Keeps a deposit that was taken back now, for the list of transactions."""
        gone = {"paymentKey": payment["paymentKey"], "came": came, "went": kst(self._now())}
        self._store.put("undone", f"{gone['paymentKey']} {len(self.undone())}", gone)

    def note_receipt(self, payment_key: str, number: str) -> None:
        self._store.put("receipt_number", payment_key, {"number": number})

    def receive_receipt(self, payment: Json) -> None:
        """Issues the cash receipt that the buyer asked for in the window, if they did."""
        asked = self._store.get("receipt_number", payment["paymentKey"])
        if asked is not None and payment["status"] == "DONE":
            receipt_with_payment(payment, asked["number"], self._now())

    def undone(self) -> list[Json]:
        return self._store.all("undone")

    # ---- the turns and plans of the control API ----

    def note_turn(self, payment_key: str, *, agreed: bool, webhook: str) -> None:
        now = self._now()
        turn = {"opened": now, "agreed": now if agreed else None, "webhook": webhook}
        self._store.put("turn", payment_key, turn)

    def _turn(self, payment: Json) -> Json:
        return self._store.get("turn", payment["paymentKey"]) or {}

    def plan(self, payment_key: str, fields: Json) -> None:
        """Takes `approval` and `cancellation` out of the fields, and keeps them."""
        for name, default in (("approval", _APPROVAL), ("cancellation", _CANCELLATION)):
            if name in fields:
                self._store.put(name, payment_key, {**default, **fields.pop(name)})

    def approval(self, payment_key: str) -> Json:
        """The course of the payment's confirms."""
        return self._store.get("approval", payment_key) or _APPROVAL

    def stumbles(self, payment_key: str) -> bool:
        """True for as many confirms as planned: they come to nothing, and the payment waits on."""
        planned = self.approval(payment_key)
        if not planned["stumbles"]:
            return False
        left = planned["stumbles"] - 1
        code = planned["code"] if left else planned.get("then")
        self._store.put("approval", payment_key, {**planned, "stumbles": left, "code": code})
        return True

    def cancellation(self, payment_key: str) -> Json:
        """The course of the payment's next cancel; the one after it goes as usual."""
        planned = self._store.get("cancellation", payment_key)
        self._store.put("cancellation", payment_key, _CANCELLATION)
        return planned or _CANCELLATION
