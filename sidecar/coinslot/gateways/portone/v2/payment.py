"""PortOne V2's Payment, a union told apart by `status`, read as a fact. Amounts are minor units.

Facts: developers.portone.io, REST API V2. Fields and values may appear there without notice. What
is missing or unknown where it decides a state or an amount concludes nothing: it is a `ValueError`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from coinslot.gateways.base import GatewayPayment, State, VirtualAccount
from coinslot.gateways.money import LARGEST
from coinslot.gateways.paid_card import PaidCard, fields_of, paid_card
from coinslot.gateways.portone.banks import spoken
from coinslot.gateways.portone.declines import DECLINES
from coinslot.gateways.portone.v2.methods import EASY_PAYS
from coinslot.text import Text

Minor = Annotated[int, Field(strict=True, ge=0, le=LARGEST)]

STATES: dict[str, State] = {
    "READY": "ready",
    "PAY_PENDING": "ready",
    "VIRTUAL_ACCOUNT_ISSUED": "awaiting_deposit",
    "PAID": "paid",
    "PARTIAL_CANCELLED": "paid",
    "CANCELLED": "canceled",
    "FAILED": "failed",
}
_NEVER_PAID = frozenset({"READY", "PAY_PENDING", "FAILED"})
# The only ones that need not say which channel they went through.
_BEFORE_A_CHANNEL = frozenset({"READY", "FAILED"})


CANCELLATIONS = frozenset({"SUCCEEDED", "REQUESTED", "FAILED"})
DISPUTES = frozenset({"UNRESOLVED", "RESOLVED"})
# Bought first and paid for later, so that they may be canceled unpaid.
_LATER = frozenset({"PaymentMethodVirtualAccount", "PaymentMethodConvenienceStore"})


class Part(BaseModel):
    """The fields that matter here; the objects have many more."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)


class _Amount(Part):
    total: Minor
    cancelled: Minor
    vat: int | None = None
    tax_free: int | None = None


class _Channel(Part):
    type: str


class _Method(Part):
    type: Text
    bank: Text | None = None
    account_number: Text | None = None
    remittee_name: Text | None = None
    expired_at: datetime | None = None
    refund_status: str | None = None
    provider: str | None = None
    card: Any = None
    approval_number: Any = None
    # Of easy pay, the one behind it, of the same form.
    easy_pay_method: Any = None


class _Failure(Part):
    reason: Text | None = None
    pg_code: Text | None = None
    pg_message: Text | None = None


class _Cancellation(Part):
    status: str
    total_amount: Minor
    vat_amount: int | None = None
    tax_free_amount: int | None = None
    trigger: str | None = None


class _Dispute(Part):
    status: str


class V2Payment(Part):
    id: str
    transaction_id: str
    store_id: str
    status: str
    amount: _Amount
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    channel: _Channel | None = None
    method: _Method | None = None
    paid_at: str | None = None
    status_changed_at: str | None = None
    receipt_url: str | None = None
    failure: _Failure | None = None
    cancellations: list[_Cancellation] | None = None
    disputes: list[_Dispute] | None = None


def read_as(payment: V2Payment, *, live_mode: bool) -> GatewayPayment:
    """Raises `ValueError` for what contradicts itself or leaves out what decides, and for a status
    of a later API: read as any other, it would give tokens for nothing or take them back."""
    state = STATES.get(payment.status)
    if state is None:
        message = f"unknown status {payment.status[:40]}"
        raise ValueError(message)
    if payment.status in _NEVER_PAID and payment.paid_at is not None:
        raise ValueError("paid, and never paid")
    if payment.status == "PAID" and payment.paid_at is None:
        raise ValueError("paid at no time")
    paid = _paid(payment, state)
    if paid:
        _check_parts(payment)
    withdrawn = min(_canceled(payment, "SUCCEEDED", by_bank=True), paid)
    refunded = min(_canceled(payment, "SUCCEEDED", by_bank=False), paid - withdrawn)
    left = paid - withdrawn - refunded
    refunding = min(_canceled(payment, "REQUESTED", by_bank=False), left)
    if state == "canceled":
        refunded = paid - withdrawn - refunding
    left = paid - withdrawn - refunded - refunding
    vat, tax_free = _taxes(payment, paid - withdrawn - refunded) if paid else (None, None)
    return GatewayPayment(
        order_id=payment.id,
        payment_key=payment.transaction_id,
        state=state,
        amount=payment.amount.total,
        currency=payment.currency,
        live=_is_live(payment, live_mode=live_mode),
        paid=paid,
        refunded=refunded,
        refunding=refunding,
        disputed=left if any(d.status != "RESOLVED" for d in payment.disputes or ()) else 0,
        withdrawn=withdrawn,
        method=_method(payment.method),
        failure_reason=_failure_reason(payment.failure),
        virtual_account=_virtual_account(payment),
        taken_at=_moment(payment.paid_at) if paid and payment.paid_at else None,
        receipt=payment.receipt_url,
        vat=vat,
        tax_free=tax_free,
        card=_card(payment.method) if paid else None,
    )


def _card(method: _Method | None) -> PaidCard | None:
    if method is None:
        return None
    behind = fields_of(method.easy_pay_method)
    card = fields_of(behind.get("card") or method.card)
    name = card.get("name") or card.get("publisher")
    number = behind.get("approvalNumber") or method.approval_number
    return paid_card(name, card.get("number"), number) if card else None


def _taxes(payment: V2Payment, held: int) -> tuple[int | None, int | None]:
    """VAT and tax-free part of what is left: of the whole, less those of the cancellations. A
    cancellation that does not tell its own, or a split that cannot be, leaves both unknown."""
    gone = [each for each in payment.cancellations or () if each.status == "SUCCEEDED"]
    vat, tax_free = payment.amount.vat, payment.amount.tax_free
    if vat is None or tax_free is None:
        return None, None
    for each in gone:
        if each.vat_amount is None or each.tax_free_amount is None:
            return None, None
        vat, tax_free = vat - each.vat_amount, tax_free - each.tax_free_amount
    if min(vat, tax_free) < 0 or vat + tax_free > held:
        return None, None
    return vat, tax_free


def _paid(payment: V2Payment, state: State) -> int:
    """The total, a promotion's part included, since cancellations count it, too. Amounts stand in a
    payment that nobody has paid as well: the status tells, and for a canceled one `paidAt`."""
    was_paid = state == "paid" or (state == "canceled" and not _never_paid(payment))
    return payment.amount.total if was_paid else 0


def _never_paid(payment: V2Payment) -> bool:
    """True of a payment that was canceled before its deposit."""
    if payment.paid_at is not None:
        return False
    if payment.method is None or payment.method.type not in _LATER or payment.method.refund_status:
        raise ValueError("canceled, and does not tell whether it was paid")
    return True


def _check_parts(payment: V2Payment) -> None:
    """Raises `ValueError` unless what has gone back, and what is contested, is all there."""
    whole = payment.status == "PAID"
    if payment.cancellations is None and not whole:
        raise ValueError("canceled without its cancellations")
    if payment.disputes is None and whole:
        raise ValueError("paid without its disputes")
    cancellations = payment.cancellations or []
    if any(each.status not in CANCELLATIONS for each in cancellations):
        raise ValueError("unknown status of a cancellation")
    if any(each.status not in DISPUTES for each in payment.disputes or ()):
        raise ValueError("unknown status of a dispute")
    told = sum(each.total_amount for each in cancellations if each.status != "FAILED")
    if told < payment.amount.cancelled or (told == 0 and not whole):
        raise ValueError("more is canceled than its cancellations tell")


def _canceled(payment: V2Payment, status: str, *, by_bank: bool) -> int:
    """SUCCEEDED has gone back for good, REQUESTED is on its way and may fail, FAILED is neither."""
    return sum(
        each.total_amount
        for each in payment.cancellations or ()
        if each.status == status and (each.trigger == "CHARGEBACK") is by_bank
    )


def _is_live(payment: V2Payment, *, live_mode: bool) -> bool:
    if payment.channel is None and payment.status in _BEFORE_A_CHANNEL:
        return live_mode
    kind = payment.channel.type if payment.channel else None
    if kind not in {"LIVE", "TEST"}:
        raise ValueError("does not say whether this is a test payment")
    return kind == "LIVE"


def _method(method: _Method | None) -> str | None:
    """PaymentMethodTransfer → transfer; easy pay by its company, where that is known."""
    if method is None:
        return None
    if method.provider in EASY_PAYS:
        return EASY_PAYS[method.provider]
    return re.sub(r"(?<!^)(?=[A-Z])", "_", method.type.removeprefix("PaymentMethod")).lower()


def _failure_reason(failure: _Failure | None) -> str | None:
    """Our reason, or the payment company's words: PortOne's own are for developers."""
    if failure is None:
        return None
    told = DECLINES.get(failure.pg_code or "") or failure.pg_message
    return told or ("declined" if failure.reason or failure.pg_code else None)


def _virtual_account(payment: V2Payment) -> VirtualAccount | None:
    method = payment.method
    if method is None or not method.account_number:
        if STATES[payment.status] == "awaiting_deposit":
            raise ValueError("an account without its number")
        return None
    due = method.expired_at
    if due is not None and due.tzinfo is None:
        raise ValueError("a time without its zone")
    return VirtualAccount(
        bank=spoken(method.bank),
        account_number=method.account_number,
        holder=method.remittee_name,
        due_at=due.astimezone(UTC).isoformat() if due else None,
    )


def _moment(told: str) -> str | None:
    """None for what is no time: it decides no state."""
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        return None
    return moment.astimezone(UTC).isoformat() if moment.tzinfo else None


def which_field(error: Exception) -> str:
    """The field that does not parse, without its value."""
    if isinstance(error, ValidationError):
        return ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
    return str(error)
