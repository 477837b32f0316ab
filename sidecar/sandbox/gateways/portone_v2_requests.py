"""What PortOne V2 takes, and its typed refusals."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sanic import HTTPResponse
from sanic.response import json

from sidecar.sandbox.gateways.portone_v2_payment import left_of

Json = dict[str, Any]


class PreRegister(BaseModel):
    storeId: str | None = None  # noqa: N815 - PortOne's name
    totalAmount: int | None = Field(default=None, ge=0)  # noqa: N815
    currency: str = "KRW"


class Cancel(BaseModel):
    reason: str
    storeId: str | None = None  # noqa: N815
    amount: int | None = Field(default=None, gt=0)
    currentCancellableAmount: int | None = None  # noqa: N815
    skipWebhook: bool = False  # noqa: N815


def refused(payment: Json | None, given: Cancel) -> HTTPResponse | None:
    if payment is None:
        return failed("PAYMENT_NOT_FOUND", 404)
    if payment["status"] == "CANCELLED":
        return failed("PAYMENT_ALREADY_CANCELLED", 409)
    if payment["status"] not in {"PAID", "PARTIAL_CANCELLED", "VIRTUAL_ACCOUNT_ISSUED"}:
        return failed("PAYMENT_NOT_PAID", 409)
    left = left_of(payment)
    if given.currentCancellableAmount not in {None, left}:
        return failed("CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN", 409)
    if (given.amount or left) > left:
        return failed("CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT", 409)
    return None


def failed(kind: str, status: int, message: str | None = None) -> HTTPResponse:
    return json({"type": kind, **({"message": message} if message else {})}, status=status)
