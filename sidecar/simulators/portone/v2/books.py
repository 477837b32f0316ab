"""The attempts that PortOne V2 keeps of each payment.

A payment (`paymentId`, the merchant's own) is tried any number of times, each with a transaction
id. At most one attempt succeeds, and that one is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulators.portone.v2.listing import shown
from simulators.portone.v2.refund import CancelStatus, cancel_in_place
from simulators.requests import NotPossible

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulators.portone.v2.events import Events
    from simulators.portone.v2.webhook import V2Webhook
    from simulators.store import Store

Json = dict[str, Any]

_ENDS: dict[str, CancelStatus] = {"requested": "REQUESTED", "failed": "FAILED"}


class Books:
    def __init__(self, store: Store, events: Events, now: Callable[[], int]) -> None:
        self._store = store
        self.events = events
        self.now = now

    def all(self) -> list[Json]:
        return self._store.all("payment")

    def shown(self, payment_id: str) -> Json | None:
        """The attempt that stands for the payment."""
        return shown(self.attempts(payment_id))

    def attempts(self, payment_id: str) -> list[Json]:
        """Oldest first."""
        return self._store.all("payment", id=payment_id)

    def one(self, payment_key: str) -> Json:
        """The attempt with that transaction id, or the one that stands for that payment."""
        payment = self._store.get("payment", payment_key) or self.shown(payment_key)
        if payment is None:
            raise NotPossible("No such payment", code="unknown_payment")
        return payment

    def keep(self, payment: Json) -> Json:
        self._store.put("payment", payment["transactionId"], payment)
        return payment

    def cancel(
        self, payment: Json, amount: int | None, trigger: str, reason: str, end: str
    ) -> tuple[Json, V2Webhook | None]:
        """The cancellation, which ends as `end` says, and the webhook about it."""
        status = _ENDS.get(end, "SUCCEEDED")
        cancellation = cancel_in_place(
            payment, amount=amount, reason=reason, trigger=trigger, now=self.now(), status=status
        )
        self.keep(payment)
        if status == "FAILED":
            return cancellation, None
        kind = "CancelPending" if status == "REQUESTED" else None
        return cancellation, self.events.happened(
            payment, kind=kind, cancellationId=cancellation["id"]
        )
