"""The events of PortOne V2's payments. They are kept: every delivery of an event has one id."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from simulators.portone.v2.payment import stamp
from simulators.portone.v2.webhook import V2Webhook

if TYPE_CHECKING:
    from simulators.store import Store

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


class Events:
    def __init__(self, store: Store, store_id: str, now: Callable[[], int]) -> None:
        self._store = store
        self._store_id = store_id
        self._now = now

    def happened(
        self,
        payment: Json,
        *,
        kind: str | None = None,
        previous: V2Webhook | None = None,
        **data: str,
    ) -> V2Webhook:
        """Keeps a new event. Without a `kind` it is named after the payment's status."""
        kind = kind or _ANNOUNCED[payment["status"]]
        event = self._new(payment["transactionId"], kind, payment["id"], data)
        self._store.put("event", event["event_id"], event)
        return V2Webhook(**event, previous=previous)

    def about(self, payment_id: str, event_id: str | None) -> V2Webhook | None:
        """The latest event of a payment, or the one of that id."""
        found = [
            event
            for event in self._store.all("event")
            if event["body"]["data"]["paymentId"] == payment_id
            and event_id in {None, event["event_id"]}
        ]
        return V2Webhook(**found[-1]) if found else None

    def forged(self, payment_key: str, forge: Json) -> V2Webhook:
        """The latest webhook, with the fields of its body that `forge` overwrites.

        `signature` is how it is signed then: `wrong` (the default), `none`, `old`, `new`, or
        `valid` as if PortOne itself had sent it.
        """
        known = self._store.all("event", payment_key=payment_key)
        if not forge and known:
            return V2Webhook(**known[-1])
        event = known[-1] if known else self._new(payment_key, "Paid", "", {})
        top = {name: forge[name] for name in ("type", "timestamp") if name in forge}
        named = {k: v for k, v in forge.items() if k not in {"type", "timestamp", "signature"}}
        body = {**event["body"], **top, "data": {**event["body"]["data"], **named}}
        return V2Webhook(
            payment_key, body, {}, str(uuid4()), signature=forge.get("signature", "wrong")
        )

    def _new(self, transaction_id: str, kind: str, payment_id: str, data: dict[str, str]) -> Json:
        named = {
            "storeId": self._store_id,
            "paymentId": payment_id,
            "transactionId": transaction_id,
            **data,
        }
        body = {"type": f"Transaction.{kind}", "timestamp": stamp(self._now()), "data": named}
        event_id = str(uuid4())
        return {"payment_key": transaction_id, "body": body, "headers": {}, "event_id": event_id}
