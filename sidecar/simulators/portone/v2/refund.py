"""Cancellations at the simulated PortOne V2. Amounts are minor units, as in its API."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from pydantic import BaseModel, Field

from simulators.portone.v2.errors import failed
from simulators.portone.v2.payment import moved, stamp
from simulators.requests import NotPossible

if TYPE_CHECKING:
    from sanic import HTTPResponse

Json = dict[str, Any]
CancelStatus = Literal["SUCCEEDED", "REQUESTED", "FAILED"]

_NO_ACCOUNT = {"pgCode": "INVALID_REFUND_ACCOUNT_INFO", "pgMessage": "환불 계좌를 입력해주세요."}


class RefundAccount(BaseModel):
    """The buyer's bank account, to which a deposit goes back."""

    bank: str = Field(pattern=r"^[A-Z_]+$")
    number: str = Field(min_length=1)
    holderName: str = Field(min_length=1)  # noqa: N815
    holderPhoneNumber: str | None = None  # noqa: N815


class Cancel(BaseModel):
    """The body of `POST /payments/{id}/cancel`."""

    reason: str
    storeId: str | None = None  # noqa: N815
    amount: int | None = Field(default=None, gt=0)
    currentCancellableAmount: int | None = None  # noqa: N815
    refundAccount: RefundAccount | None = None  # noqa: N815
    skipWebhook: bool = False  # noqa: N815


def refused(payment: Json | None, given: Cancel) -> HTTPResponse | None:
    """PortOne's answer where it refuses this cancel, else None."""
    if payment is None:
        return failed("PAYMENT_NOT_FOUND", 404)
    if payment["status"] == "CANCELLED":
        return failed("PAYMENT_ALREADY_CANCELLED", 409)
    if payment["status"] not in {"PAID", "PARTIAL_CANCELLED", "VIRTUAL_ACCOUNT_ISSUED"}:
        return failed("PAYMENT_NOT_PAID", 409)
    if "paidAt" not in payment and given.amount not in {None, left_of(payment)}:
        # An account that still waits holds nothing of which a part could be given back.
        return failed("PAYMENT_NOT_PAID", 409)
    return _amount_refused(left_of(payment), given) or _account_missing(payment, given)


def _amount_refused(left: int, given: Cancel) -> HTTPResponse | None:
    if given.currentCancellableAmount not in {None, left}:
        return failed("CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN", 409)
    if left <= 0 or (given.amount or left) > left:
        return failed("CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT", 409)
    return None


def _account_missing(payment: Json, given: Cancel) -> HTTPResponse | None:
    deposited = "paidAt" in payment and "accountNumber" in payment.get("method", {})
    if deposited and given.refundAccount is None:
        # PortOne documents that it fails, and not how. The payment company would say it like this.
        return failed("PG_PROVIDER", 502, **_NO_ACCOUNT)
    return None


def broken(outcome: str) -> HTTPResponse | None:
    """The error of the payment company, or of PortOne itself, where the settings ask for one."""
    if outcome == "pg_error":
        return failed(
            "PG_PROVIDER", 502, pgCode="REFUND_REJECTED", pgMessage="환불이 거절됐습니다."
        )
    if outcome == "server_error":
        return failed("INTERNAL_SERVER_ERROR", 500)
    return None


def left_of(payment: Json) -> int:
    """The amount that can still be canceled, a promotion's part included.

    PortOne does not document whether it sets aside what is merely requested; here it does.
    """
    requested = sum(each["totalAmount"] for each in _requested(payment))
    return int(payment["amount"]["total"] - payment["amount"]["cancelled"] - requested)


def cancel_in_place(
    payment: Json,
    *,
    amount: int | None,
    reason: str,
    trigger: str,
    now: int,
    status: CancelStatus = "SUCCEEDED",
) -> Json:
    """Cancels all that is left, or `amount` of it, which must be there. Returns the cancellation.

    One that is merely requested, or failed, leaves the payment as it is.
    """
    canceled = left_of(payment) if amount is None else amount
    cancellation = {
        "status": status,
        "id": str(uuid4()),
        "pgCancellationId": f"pgc_{secrets.token_hex(6)}",
        "totalAmount": canceled,
        "taxFreeAmount": 0,
        "vatAmount": canceled // 11,
        "reason": reason,
        "requestedAt": stamp(now),
        "trigger": trigger,
    }
    payment.setdefault("cancellations", []).append(cancellation)
    if status == "SUCCEEDED":
        _take_effect(payment, cancellation, now)
    return cancellation


def settle_in_place(payment: Json, outcome: Literal["succeeded", "failed"], now: int) -> Json:
    """Ends the cancellation that was requested first, and returns it."""
    requested = _requested(payment)
    if not requested:
        raise NotPossible("No cancellation of this payment is under way")
    cancellation = requested[0]
    cancellation["status"] = outcome.upper()
    if outcome == "succeeded":
        _take_effect(payment, cancellation, now)
    return cancellation


def _requested(payment: Json) -> list[Json]:
    return [each for each in payment.get("cancellations", []) if each["status"] == "REQUESTED"]


def _take_effect(payment: Json, cancellation: Json, now: int) -> None:
    cancellation["cancelledAt"] = stamp(now)
    amount = payment["amount"]
    amount["cancelled"] += cancellation["totalAmount"]
    payment.pop("disputes", None)
    status = "PARTIAL_CANCELLED" if amount["cancelled"] < amount["total"] else "CANCELLED"
    payment.update(moved(status, now), cancelledAt=stamp(now))
