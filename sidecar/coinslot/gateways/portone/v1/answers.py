"""The meanings of PortOne V1's answers."""

from __future__ import annotations

from coinslot.gateways.answers import Answers, Row, words
from coinslot.gateways.portone.v1.payment import STATUSES

_MISSING = (
    "another `status`, or none; no `amount`, `cancel_amount`, `currency` or `sandbox`; `cancelled` "
    "without `paid_at`, or by nothing; `paid` at no time; canceled or paid, and `ready` or "
    "`failed`; a virtual account without its number or its `vbank_date`"
)

ANSWERS = Answers(
    "PortOne V1",
    (
        Row("prepare", "200 with `code` 0", "done"),
        Row("prepare", "any other `code`: it has none for a price", "unknown"),
        Row("read", f"a payment: {words(STATUSES)}", "done"),
        Row("read", "404 with a `code`: no such payment, or not yet", "unknown"),
        Row("read", _MISSING, "nonsense"),
        Row("cancel", "200 with `code` 0 and this payment", "done"),
        Row("cancel", "any other `code`, unless it is a 5xx", "refused"),
        Row("receipts", "200 with `code` 0", "done"),
        Row("receipts", "404 with a `code`: there is none", "done"),
        Row("receipts", "a 4xx with a `code`, and reading shows none; 501", "refused"),
        Row("receipts", "500, unless it is so for a day", "unknown"),
        Row("any", "a time-out, 401, 429, 5xx, no `code`", "unknown"),
    ),
)
