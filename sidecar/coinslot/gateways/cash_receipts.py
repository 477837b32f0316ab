"""Cash receipts (현금영수증): how a gateway issues one and takes it back, whichever gateway it is.

A gateway says yes before the tax office has looked, so that what it says is looked at again. A call
that got no answer has issued a receipt or not: it raises, and is made again as the same question.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from coinslot.text import storable

if TYPE_CHECKING:
    from datetime import date

    from coinslot.gateways.base import Order

Kind = Literal["income_deduction", "expenditure_proof", "self_issued"]
Said = Literal["in_progress", "issued", "failed", "cancelled"]

PATIENT_TRIES = 6
"""Tries after which a gateway has had most of a day: it is not at the same call any more."""
_LONGEST_MESSAGE = 300
_PHONE_DIGITS = (10, 11)


@dataclass(frozen=True, slots=True)
class ReceiptStep:
    """A cash receipt to be brought from `amount`, that it stands for, to `asked`.

    `wanted` is the money that the order holds by now. Of `asked`, `tax_free` is free of tax.
    `attempt` counts the issues, `answers` what the gateway has answered, `tries` the calls without
    an answer. `asked_on` are the days of all calls, in Korea. `asked` is None for a receipt to be
    read.
    """

    order: Order
    payment_key: str
    kind: Kind
    number: str = field(repr=False)
    amount: int
    wanted: int
    asked: int | None
    tax_free: int
    attempt: int
    answers: int
    tries: int
    asked_on: tuple[date, ...]
    by_gateway: bool = False
    receipt_key: str | None = None

    @property
    def tax_free_of_wanted(self) -> int:
        """The tax-free part of `wanted`, which is another amount than `asked` where money went back
        since that was asked. Half a unit is rounded up."""
        if not self.asked or self.asked == self.wanted:
            return self.tax_free
        return (2 * self.tax_free * self.wanted + self.asked) // (2 * self.asked)

    @property
    def number_is(self) -> Literal["phone", "card", "business"]:
        if self.kind == "expenditure_proof":
            return "business"
        return "phone" if len(self.number) in _PHONE_DIGITS else "card"


@dataclass(frozen=True, slots=True)
class CashReceipt:
    """A receipt as its gateway tells of it: `amount` is what it stands for now.

    `issued`: all that was asked for is so, a cancel as well. `in_progress`: the tax office is at
    it. `failed`: the latest call was refused. `cancelled`: somebody else has cancelled it. `final`:
    it is the tax office's own word. `by_gateway`: it was issued with the payment, unasked.
    """

    amount: int
    said: Said
    final: bool = False
    by_gateway: bool = False
    receipt_key: str | None = None
    issue_number: str | None = None
    failure_code: str | None = None
    failure_message: str | None = field(default=None, repr=False)

    def arguments(self) -> dict[str, Any]:
        """The parameters of `coinslot_finish_cash_receipt` that come from the gateway."""
        told = asdict(self)
        return {"status": told.pop("said"), **told}


class CashReceiptIssuer(Protocol):
    """The part of a gateway that issues cash receipts.

    Every call raises `GatewayTimeout` or `GatewayUnavailable` where the outcome is unknown.
    """

    async def issue(self, step: ReceiptStep) -> CashReceipt:
        """Issues a receipt over `step.asked`, unless there is one: then that one is told of."""

    async def cancel(self, step: ReceiptStep) -> CashReceipt:
        """Takes the receipt down to `step.asked`, or, where a gateway cancels all or nothing, to
        nothing: the rest is issued anew."""

    async def read(self, step: ReceiptStep) -> CashReceipt:
        """The receipt as the gateway shows it."""


def refused(step: ReceiptStep, amount: int, code: object, message: object = None) -> CashReceipt:
    """A call that was refused, `amount` being what stands. A sentence that quotes the number is
    told without it."""
    sentence = storable(str(message or ""))
    if step.number:
        sentence = sentence.replace(step.number, "…")
    return CashReceipt(
        amount,
        "failed",
        failure_code=storable(str(code))[:100],
        failure_message=sentence[:_LONGEST_MESSAGE] or None,
    )
