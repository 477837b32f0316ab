"""PortOne V1's Payment read as a fact.

Facts: developers.portone.io, REST API V1. Its amounts are in currency units, of the order, before
any promotion's part of it is taken off: what is paid, cancelled and still cancellable as well.
A cancel counts as done when the payment company took it on: V1 has no word for one under way, also
where a bank sends the money on the next working day.

A field that is missing where it decides a state or an amount concludes nothing: the read is a
`ValueError`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from coinslot.gateways.base import GatewayPayment, State, VirtualAccount
from coinslot.gateways.money import to_minor
from coinslot.gateways.paid_card import PaidCard, paid_card
from coinslot.gateways.portone.v1.methods import NAMES
from coinslot.text import Text

Status = Literal["ready", "paid", "cancelled", "failed"]
STATUSES = get_args(Status)


class V1Payment(BaseModel):
    """The fields of PortOne's Payment that matter here; it has many more."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    imp_uid: str
    merchant_uid: str
    amount: Decimal = Field(ge=0)
    cancel_amount: Decimal = Field(ge=0)
    currency: str = Field(pattern=r"^[A-Za-z]{3}$")
    status: Status
    sandbox: StrictBool
    # 0 for what was never paid.
    paid_at: int | None = Field(default=None, ge=0)
    cancelled_at: int | None = Field(default=None, ge=0)
    pay_method: Text | None = None
    fail_reason: Text | None = None
    vbank_num: Text | None = None
    vbank_name: Text | None = None
    vbank_holder: Text | None = None
    # 0 for an account that takes money at any time.
    vbank_date: int | None = Field(default=None, ge=0)
    promotion: dict[str, Any] | None = None
    receipt_url: str | None = None
    apply_num: Any = None
    card_name: Any = None
    card_number: Any = None


def read_as(payment: V1Payment) -> GatewayPayment:
    """Raises `ValueError` where the payment contradicts itself, or does not tell."""
    _check(payment)
    amount = to_minor(payment.amount, payment.currency)
    canceled = to_minor(payment.cancel_amount, payment.currency)
    if payment.status == "cancelled":
        # Whether a full cancel's total has the promotion's part in it is not documented.
        released = to_minor(_discount(payment), payment.currency)
        canceled = amount if canceled + released >= amount else canceled
    state = _state(payment, amount, canceled)
    # A promotion's part included: cancels count it, too.
    paid = amount if _was_paid(payment, state) else 0
    return GatewayPayment(
        order_id=payment.merchant_uid,
        payment_key=payment.imp_uid,
        state=state,
        amount=amount,
        currency=payment.currency.upper(),
        live=not payment.sandbox,
        paid=paid,
        refunded=min(canceled, paid),
        method=NAMES.get(payment.pay_method or "", payment.pay_method),
        failure_reason=payment.fail_reason,
        virtual_account=_virtual_account(payment),
        taken_at=_moment(payment.paid_at) if paid and payment.paid_at else None,
        receipt=payment.receipt_url,
        card=_card(payment) if paid else None,
    )


def _card(payment: V1Payment) -> PaidCard | None:
    """`apply_num` alone tells of no card: other ways to pay may have one."""
    if not (payment.card_name or payment.card_number):
        return None
    return paid_card(payment.card_name, payment.card_number, payment.apply_num)


def _check(payment: V1Payment) -> None:
    """Raises `ValueError` where a field is missing on which the status leans."""
    unpaid = payment.status in {"ready", "failed"}
    if unpaid and payment.cancel_amount > 0:
        raise ValueError("canceled, and never paid")
    if payment.status == "cancelled" and payment.paid_at is None:
        raise ValueError("cancelled, and does not tell whether it was paid")
    if payment.status == "paid" and payment.paid_at == 0:
        raise ValueError("paid at no time")
    if unpaid and payment.paid_at and not payment.vbank_num:
        raise ValueError("paid, and never paid")
    if payment.status != "ready":
        return
    if payment.vbank_num and payment.vbank_date is None:
        raise ValueError("an account that does not tell until when")
    if not payment.vbank_num and (payment.vbank_name or payment.vbank_holder or payment.vbank_date):
        raise ValueError("an account without its number")


def _state(payment: V1Payment, amount: int, canceled: int) -> State:
    """The state. V1 has no status for a payment that is canceled in part: the amounts tell."""
    if payment.status == "failed":
        return "failed"
    if payment.status == "ready":
        return "awaiting_deposit" if payment.vbank_num else "ready"
    if payment.status == "cancelled" and (canceled >= amount or not payment.paid_at):
        return "canceled"
    if payment.status == "paid" and amount == 0:
        return "ready"  # a card was registered, which V1 calls so
    if payment.status == "cancelled" and canceled == 0:
        raise ValueError("cancelled by nothing")
    return "canceled" if canceled >= amount else "paid"


def _was_paid(payment: V1Payment, state: State) -> bool:
    """A virtual account canceled before its deposit was never paid: `paid_at` tells."""
    if payment.status == "paid":
        return payment.amount > 0
    return state in {"paid", "canceled"} and bool(payment.paid_at)


def _discount(payment: V1Payment) -> Decimal:
    return Decimal(str((payment.promotion or {}).get("discount") or 0))


def _virtual_account(payment: V1Payment) -> VirtualAccount | None:
    if not payment.vbank_num:
        return None
    return VirtualAccount(
        bank=payment.vbank_name,
        account_number=payment.vbank_num,
        holder=payment.vbank_holder,
        due_at=_moment(payment.vbank_date) if payment.vbank_date else None,
    )


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
