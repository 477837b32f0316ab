"""The meanings of PortOne V2's answers."""

from __future__ import annotations

from coinslot.gateways.answers import Answers, Row, words
from coinslot.gateways.portone.v2.cash_receipts import ISSUED_BEFORE, NONE, STATUSES
from coinslot.gateways.portone.v2.payment import CANCELLATIONS, DISPUTES, STATES

_MISSING = (
    "another `status`, or none; no `amount.total`, `amount.cancelled`, `currency` or channel; "
    "canceled without the cancellations that `amount.cancelled` counts, or without a word on "
    "whether it was paid; `PAID` without `paidAt` or `disputes`; `paidAt`, and not paid; an issued "
    "account without its number"
)

ANSWERS = Answers(
    "PortOne V2",
    (
        Row("pre-register", "200, or `ALREADY_PAID`", "done"),
        Row("pre-register", "any other `type`: it has none for a price", "unknown"),
        Row("read", f"a payment: {words(STATES)}", "done"),
        Row("read", f"a cancellation: {words(CANCELLATIONS)}", "done"),
        Row("read", f"a dispute: {words(DISPUTES)}", "done"),
        Row("read", "404 `PAYMENT_NOT_FOUND`: no such payment, or not yet", "unknown"),
        Row("read", _MISSING, "nonsense"),
        Row("cancel", "200 with a cancellation that is not `FAILED`", "done"),
        Row("cancel", "`PG_PROVIDER`, any other 4xx with a `type`, or `FAILED`", "refused"),
        Row("cancel", "any other 5xx with a `type`: another key", "unknown"),
        Row("cancel", "200 without a cancellation", "nonsense"),
        Row("cash receipt", f"a receipt: {words(STATUSES)}", "done"),
        Row("cash receipt", f"404 {words(NONE)}: there is none", "done"),
        Row("cash receipt", f"{words([ISSUED_BEFORE])}: reading it tells", "unknown"),
        Row("cash receipt", "`PG_PROVIDER`, unless it is so for a day", "unknown"),
        Row("cash receipt", "any other 4xx with a `type`", "refused"),
        Row("any", "a time-out, 401, 403, 429, no `type`, `IDEMPOTENCY_…`", "unknown"),
    ),
)
