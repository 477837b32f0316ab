"""Toss's Payment object (API version 2022-11-16), and the fact that it states.

Nothing is concluded from what is missing or unknown: the read is a `ValueError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from coinslot.gateways.base import GatewayPayment, State, VirtualAccount
from coinslot.gateways.money import to_minor
from coinslot.gateways.redaction import redacted
from coinslot.gateways.toss.banks import spoken
from coinslot.gateways.toss.declines import DECLINES
from coinslot.gateways.toss.instruments import card_of, method_of
from coinslot.gateways.toss.times import utc, zoned
from coinslot.text import Text

STATES: dict[str, State] = {
    "READY": "ready",
    "IN_PROGRESS": "ready",
    "WAITING_FOR_DEPOSIT": "awaiting_deposit",
    "DONE": "paid",
    "PARTIAL_CANCELED": "paid",
    "CANCELED": "canceled",
    "ABORTED": "failed",
    "EXPIRED": "failed",
}
_NEVER_PAID = frozenset({"READY", "IN_PROGRESS", "ABORTED", "EXPIRED"})
CancelStatus = Literal["DONE", "IN_PROGRESS", "ABORTED"]
CANCELS = get_args(CancelStatus)
# The status of the transfer back to a depositor, two bank days after the cancel. Toss gives neither
# amount nor reason, and never says whether a failed transfer is made again. So a failed one counts
# as under way, until the balance shows the money again.
_FAILED = frozenset({"FAILED", "PARTIAL_FAILED"})
_NOT_ARRIVED = frozenset({"PENDING", *_FAILED})
TRANSFERS = frozenset({"NONE", "COMPLETED", *_NOT_ARRIVED})

_DEPOSITED = "가상계좌"

# What a page may be shown of a Payment: neither its secret nor anything about the buyer.
SHOWN = {
    *("paymentKey", "orderId", "orderName", "status", "method", "totalAmount", "balanceAmount"),
    *("currency", "requestedAt", "approvedAt", "receipt.url", "easyPay.provider"),
    *("cancels.cancelAmount", "cancels.canceledAt", "failure.code", "failure.message"),
}


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class _VirtualAccount(_Lenient):
    accountNumber: Text  # noqa: N815 - Toss's names, here and below
    bankCode: Text | None = None  # noqa: N815
    customerName: Text | None = None  # noqa: N815
    dueDate: datetime | None = None  # noqa: N815
    refundStatus: str | None = None  # noqa: N815


class _EasyPay(_Lenient):
    provider: Text | None = None


class _Receipt(_Lenient):
    url: str | None = None


class _Cancel(_Lenient):
    cancelAmount: Decimal = Field(ge=0)  # noqa: N815
    cancelStatus: CancelStatus  # noqa: N815
    refundableAmount: Decimal | None = None  # noqa: N815 - what was left after it
    # Released with the cancel, and perhaps not counted in its amount.
    transferDiscountAmount: Decimal | None = Field(default=None, ge=0)  # noqa: N815
    easyPayDiscountAmount: Decimal | None = Field(default=None, ge=0)  # noqa: N815
    cardDiscountAmount: Decimal | None = Field(default=None, ge=0)  # noqa: N815

    @property
    def discounts(self) -> Decimal:
        parts = (self.transferDiscountAmount, self.easyPayDiscountAmount, self.cardDiscountAmount)
        return sum((each for each in parts if each is not None), Decimal(0))


class _Failure(_Lenient):
    code: Text | None = None
    message: Text | None = None


class _Payment(_Lenient):
    paymentKey: str  # noqa: N815
    orderId: str  # noqa: N815
    status: Literal[
        "READY",
        "IN_PROGRESS",
        "WAITING_FOR_DEPOSIT",
        "DONE",
        "PARTIAL_CANCELED",
        "CANCELED",
        "ABORTED",
        "EXPIRED",
    ]
    totalAmount: Decimal = Field(ge=0)  # noqa: N815
    balanceAmount: Decimal = Field(ge=0)  # noqa: N815
    vat: Decimal | None = None
    taxFreeAmount: Decimal | None = None  # noqa: N815
    currency: str = Field(pattern=r"^[A-Za-z]{3}$")
    method: Text | None = None
    approvedAt: datetime | None = None  # noqa: N815
    secret: Text | None = None
    virtualAccount: _VirtualAccount | None = None  # noqa: N815
    cancels: list[_Cancel] | None = None
    failure: _Failure | None = None
    easyPay: _EasyPay | None = None  # noqa: N815
    card: Any = None
    receipt: _Receipt | None = None


@dataclass(frozen=True, slots=True)
class TossPayment(GatewayPayment):
    """`transfer_failed`: a deposit was sent back and did not arrive. `approved_at`: when the money
    was taken. `agreed`: the buyer has agreed, and it waits for its confirm."""

    transfer_failed: bool = field(default=False, compare=False)
    approved_at: datetime | None = field(default=None, compare=False)
    agreed: bool = field(default=False, compare=False)


def read_as(body: Mapping[str, Any], *, live: bool) -> TossPayment:
    """Raises `ValueError` or `ArithmeticError` where it contradicts itself or does not tell.

    The object does not say whether it is a test: a key sees the payments of its own mode only, so
    the key's prefix says it.
    """
    payment = _Payment.model_validate(body)
    amount = to_minor(payment.totalAmount, payment.currency)
    # Points and discounts included: cancels count them, too.
    paid = amount if _was_paid(payment) else 0
    refunded, refunding = _given_back(payment, paid)
    state = STATES[payment.status]
    vat, tax_free = _taxes(payment, paid - refunded) if paid else (None, None)
    return TossPayment(
        order_id=payment.orderId,
        payment_key=payment.paymentKey,
        # A cancel that is still under way abroad has not given anything back yet.
        state="paid" if state == "canceled" and refunded < paid else state,
        amount=amount,
        currency=payment.currency.upper(),
        live=live,
        paid=paid,
        refunded=refunded,
        refunding=refunding,
        method=method_of(payment.method, payment.easyPay.provider if payment.easyPay else None),
        failure_reason=_failure_reason(payment) if state == "failed" else None,
        failure_code=payment.failure.code if payment.failure and state == "failed" else None,
        agreed=payment.status == "IN_PROGRESS",
        virtual_account=_virtual_account(payment),
        secret=payment.secret,
        shown=redacted(body, SHOWN),
        transfer_failed=_failed(payment.virtualAccount),
        approved_at=zoned(payment.approvedAt) if payment.approvedAt else None,
        taken_at=utc(payment.approvedAt) if payment.approvedAt and paid else None,
        receipt=payment.receipt.url if payment.receipt else None,
        vat=vat,
        tax_free=tax_free,
        card=card_of(payment.card) if paid else None,
    )


def _taxes(payment: _Payment, held: int) -> tuple[int | None, int | None]:
    """VAT and tax-free part of the balance. They shrink with each cancel, so they say nothing of
    other money than that; and what is no split decides nothing."""
    balance = payment.balanceAmount
    if payment.vat is None or payment.taxFreeAmount is None:
        return None, None
    if (
        not 0 <= payment.vat + payment.taxFreeAmount <= balance
        or min(payment.vat, payment.taxFreeAmount) < 0
    ):
        return None, None
    if to_minor(balance, payment.currency) != held:
        return None, None
    split = (payment.vat, payment.taxFreeAmount)
    vat, tax_free = (to_minor(each, payment.currency) for each in split)
    return vat, tax_free


def _was_paid(payment: _Payment) -> bool:
    """A virtual account canceled before its deposit, or whose deposit was undone, was never paid:
    `approvedAt` is null then, and nothing was sent back. Nothing else is canceled unpaid."""
    if payment.status in _NEVER_PAID and payment.approvedAt is not None:
        raise ValueError("approved, and never paid")
    told = "approvedAt" in payment.model_fields_set
    if payment.status != "CANCELED":
        paid = STATES[payment.status] == "paid"
        if paid and told and payment.approvedAt is None:
            raise ValueError("paid, and never approved")
        return paid
    if payment.approvedAt is not None:
        return True
    account = payment.virtualAccount
    if not told or account is None or account.refundStatus != "NONE":
        raise ValueError("canceled, and does not tell whether it was paid")
    return False


def _given_back(payment: _Payment, paid: int) -> tuple[int, int]:
    """The money that is back for good, and the money on its way.

    Together they are everything once nothing is left, also where the cancels add up to less because
    they do not count the discounts that they released. Until then they explain the balance."""
    if not paid:
        return 0, 0
    returned = to_minor(payment.totalAmount - payment.balanceAmount, payment.currency)
    if not payment.cancels:
        if returned or payment.status != "DONE":
            raise ValueError("canceled without its cancels")
        return 0, 0
    done, under_way, discounts = _cancels(payment, payment.cancels)
    if payment.status == "CANCELED" or payment.balanceAmount == 0:
        if not done + under_way or (payment.balanceAmount and not _failed(payment.virtualAccount)):
            raise ValueError("canceled, and the money is still there")
        refunded = min(done, paid) if under_way else paid
        return refunded, paid - refunded
    if not done <= returned <= done + under_way + discounts:
        raise ValueError("the cancels do not explain the balance")
    return done, min(under_way, paid - done)


def _cancels(payment: _Payment, cancels: list[_Cancel]) -> tuple[int, int, int]:
    """The sums of those that are done and of those under way, and the discounts that both have
    released; aborted ones are neither."""
    statuses = [*(each.cancelStatus for each in cancels[:-1]), _last_status(payment, cancels[-1])]
    done = under_way = discounts = Decimal(0)
    for cancel, status in zip(cancels, statuses, strict=True):
        done += cancel.cancelAmount if status == "DONE" else 0
        under_way += cancel.cancelAmount if status == "IN_PROGRESS" else 0
        discounts += cancel.discounts if status != "ABORTED" else 0
    sums = (to_minor(each, payment.currency) for each in (done, under_way, discounts))
    return next(sums), next(sums), next(sums)


def _last_status(payment: _Payment, cancel: _Cancel) -> str:
    """The status of the last cancel, with what Toss says of the account that its money goes to.

    Such a cancel is undone where the money that it took out of the balance is in there again."""
    account = payment.virtualAccount
    if account is None and payment.method == _DEPOSITED:
        raise ValueError("a deposit without its account")
    if account is not None and account.refundStatus not in TRANSFERS:
        raise ValueError("unknown status of a transfer to a depositor")
    if account is None or account.refundStatus not in _NOT_ARRIVED or cancel.cancelStatus != "DONE":
        return cancel.cancelStatus
    if account.refundStatus not in _FAILED:
        return "IN_PROGRESS"
    if cancel.refundableAmount is None:
        raise ValueError("a cancel that does not tell what it left")
    taken_back = payment.balanceAmount == cancel.refundableAmount + cancel.cancelAmount
    return "ABORTED" if taken_back and payment.status != "CANCELED" else "IN_PROGRESS"


def _failed(account: _VirtualAccount | None) -> bool:
    return account is not None and account.refundStatus in _FAILED


def _failure_reason(payment: _Payment) -> str:
    failure = payment.failure or _Failure()
    return DECLINES.get(failure.code or "") or failure.message or failure.code or payment.status


def _virtual_account(payment: _Payment) -> VirtualAccount | None:
    account = payment.virtualAccount
    waiting = STATES[payment.status] == "awaiting_deposit"
    if waiting and (account is None or account.dueDate is None):
        raise ValueError("waits for a deposit, and does not tell where and until when")
    if account is None:
        return None
    return VirtualAccount(
        bank=spoken(account.bankCode),
        account_number=account.accountNumber,
        holder=account.customerName,
        due_at=utc(account.dueDate) if account.dueDate else None,
    )
