"""Bodies of the control API: the turns that a test, or a person, plays."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from simulators.faults import Fault

Json = dict[str, Any]


class BuyerTurn(BaseModel):
    """One visit to the payment window; `amount` and `currency` default to what was prepared."""

    order_id: str
    amount: int | float | None = None
    currency: str | None = None
    method: str | None = None
    outcome: Literal["paid", "failed", "awaiting_deposit", "abandoned"] = "paid"
    live: bool = False
    discount: int | float = 0
    # A changed page can open the window with anything; `force` skips the window's own checks.
    force: bool = False
    # The number that the buyer gives in the window for a cash receipt.
    cash_receipt: str | None = None
    webhook: Literal["before", "beside", "none"] = "beside"


class OnePayment(BaseModel):
    payment_key: str


class RefundTurn(OnePayment):
    """A refund at the gateway's console, of `amount` or of all that is left."""

    amount: int | float | None = Field(default=None, gt=0)


class DisputeTurn(OnePayment):
    status: str


class Resend(OnePayment):
    """`forge` replaces fields of the body, which nothing signs here."""

    times: int = Field(default=1, ge=1, le=1000)
    delay_s: float = Field(default=0, ge=0)
    forge: Json = {}


class FaultPlan(BaseModel):
    faults: list[Fault] = []


class ClockTurn(BaseModel):
    advance_s: float


class AnyFields(BaseModel, extra="allow"):
    """Any fields at all."""
