"""The meanings of Acme's answers."""

from __future__ import annotations

from coinslot.gateways.answers import Answers, Row

ANSWERS = Answers(
    "Acme",
    (
        Row("read", "a payment", "done"),
        Row("read", "404: no such payment, or not yet", "unknown"),
        Row("refund", "409", "refused"),
        Row("any", "anything else", "unknown"),
    ),
)
