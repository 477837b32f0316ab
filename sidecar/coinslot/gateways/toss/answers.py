"""The meanings of Toss's answers."""

from __future__ import annotations

from coinslot.gateways.answers import Answers, Row, words
from coinslot.gateways.toss.adapter import NO_SUCH_PAYMENT
from coinslot.gateways.toss.cash_receipts import ISSUED_BEFORE
from coinslot.gateways.toss.confirmation import KEYS
from coinslot.gateways.toss.methods import LEAST
from coinslot.gateways.toss.payment import CANCELS, STATES, TRANSFERS
from coinslot.gateways.toss.refusals import CONFIRM_UNKNOWN, OUR_KEYS, TAKEN_BEFORE, UNKNOWN

_MISSING = (
    "another status, or none; no `totalAmount`, `balanceAmount` or `currency`; canceled without "
    "the cancels that explain the balance, or without a word on whether it was paid; a deposit "
    "without its account, or without its `dueDate`; approved, and not paid; paid, and approved at "
    "no time"
)
_AGAIN = (
    f"{words(UNKNOWN)}, a 5xx with a code, and it is still `IN_PROGRESS`: another key, {KEYS} at "
    "most"
)

ANSWERS = Answers(
    "Toss Payments",
    (
        Row("prepare", f"nothing is asked: below ₩{LEAST['KRW']} no window opens", "refused"),
        Row("confirm", "200 with a payment that was approved just now", "done"),
        Row("confirm", "200 with one that was approved before", "unknown"),
        Row("confirm", f"{words(CONFIRM_UNKNOWN, [TAKEN_BEFORE])}, 409, 429, 5xx", "unknown"),
        Row("confirm", _AGAIN, "unknown"),
        Row("confirm", "any other 4xx with a code, or a payment that was `ABORTED`", "declined"),
        Row("read", f"a payment: {words(STATES)}", "done"),
        Row("read", f"a cancel: {words(CANCELS)}", "done"),
        Row("read", f"a transfer to a depositor: {words(TRANSFERS)}", "done"),
        Row("read", f"404 {words(NO_SUCH_PAYMENT)}: no such payment, or not yet", "unknown"),
        Row("read", _MISSING, "nonsense"),
        Row("cancel", "200 with this payment", "done"),
        Row("cancel", f"{words(UNKNOWN)}, a 5xx with a code: another key", "unknown"),
        Row("cancel", "any other 4xx with a code", "refused"),
        Row(
            "cash receipt", "200: the tax office's word is in the list, a day or two later", "done"
        ),
        Row("cash receipt", f"{words([ISSUED_BEFORE])}: the list tells", "unknown"),
        Row("cash receipt", f"{words(UNKNOWN)}, a 5xx with a code", "unknown"),
        Row("cash receipt", "any other 4xx with a code", "refused"),
        Row("any", f"a time-out, no code, {words(OUR_KEYS)}", "unknown"),
    ),
)
