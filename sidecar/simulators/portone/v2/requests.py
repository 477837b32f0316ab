"""What PortOne V2 takes, and its typed refusals."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sanic import HTTPResponse
from sanic.response import json

from simulators.portone.v2.payment import left_of

Json = dict[str, Any]

_NO_ACCOUNT = {"pgCode": "INVALID_REFUND_ACCOUNT_INFO", "pgMessage": "환불 계좌를 입력해주세요."}


class PreRegister(BaseModel):
    storeId: str | None = None  # noqa: N815 - PortOne's name
    totalAmount: int | None = Field(default=None, ge=0)  # noqa: N815
    currency: str = "KRW"


class RefundAccount(BaseModel):
    bank: str = Field(pattern=r"^[A-Z_]+$")
    number: str = Field(min_length=1)
    holderName: str = Field(min_length=1)  # noqa: N815


class Cancel(BaseModel):
    reason: str
    storeId: str | None = None  # noqa: N815
    amount: int | None = Field(default=None, gt=0)
    currentCancellableAmount: int | None = None  # noqa: N815
    refundAccount: RefundAccount | None = None  # noqa: N815
    skipWebhook: bool = False  # noqa: N815


def refused(payment: Json | None, given: Cancel) -> HTTPResponse | None:
    if payment is None:
        return failed("PAYMENT_NOT_FOUND", 404)
    if payment["status"] == "CANCELLED":
        return failed("PAYMENT_ALREADY_CANCELLED", 409)
    if payment["status"] not in {"PAID", "PARTIAL_CANCELLED", "VIRTUAL_ACCOUNT_ISSUED"}:
        return failed("PAYMENT_NOT_PAID", 409)
    if "paidAt" not in payment and given.amount not in {None, left_of(payment)}:
        # Of an account that still waits there is nothing to give back a part of.
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
        # That it fails is documented, and not how; this is how the payment company would say it.
        return failed("PG_PROVIDER", 502, **_NO_ACCOUNT)
    return None


def broken(outcome: str) -> HTTPResponse | None:
    """A cancellation that the payment company, or PortOne itself, answers with an error."""
    if outcome == "pg_error":
        return failed(
            "PG_PROVIDER", 502, pgCode="REFUND_REJECTED", pgMessage="환불이 거절됐습니다."
        )
    if outcome == "server_error":
        return failed("INTERNAL_SERVER_ERROR", 500)
    return None


def failed(kind: str, status: int, message: str | None = None, **more: str) -> HTTPResponse:
    said = {"message": message} if message else {}
    return json({"type": kind, **said, **more}, status=status)
