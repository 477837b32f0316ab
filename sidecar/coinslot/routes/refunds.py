"""Refunds, for operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sanic import Blueprint
from sanic.response import json

from coinslot.database.refunds import RefundRequest
from coinslot.errors import DatabaseError, InvalidRequest, OrderNotFound, RefundFailed
from coinslot.gateways.base import LONGEST_REASON
from coinslot.gateways.money import LARGEST
from coinslot.order_ids import ORDER_ID, bind_order
from coinslot.routes.limited_routes import limited
from coinslot.routes.requests import idempotency_key, json_body, required_token, services

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

refunds = Blueprint("refunds", url_prefix="/payment")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, hide_input_in_errors=True)


class AccountBody(_Body):
    """The account that a deposit's money goes back to. `bank` is its clearing code (`088`), or what
    the gateway calls it; `phone` is the holder's, where the payment company asks for it."""

    bank: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,40}$")]
    account_number: Annotated[str, Field(pattern=r"^[0-9]{4,20}$")]
    holder: Annotated[str, Field(min_length=1, max_length=60)]
    phone: Annotated[str, Field(pattern=r"^[0-9]{8,15}$")] | None = None


class RefundBody(_Body):
    """`amount` in minor units; without one all that is left. `force` also takes tokens that were
    spent: the balance goes below zero. `paymentKey` names another attempt than the one credited."""

    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)]
    amount: Annotated[int, Field(ge=1, le=LARGEST, strict=True)] | None = None
    force: Annotated[bool, Field(strict=True)] = False
    payment_key: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    account: AccountBody | None = None


@refunds.post("/<order_id:str>/refund")
@limited("refunds", signed_in=True)
async def refund(request: Request, order_id: str) -> HTTPResponse:
    """Postgres says if the caller is an operator who may."""
    token = required_token(request)
    body = json_body(request, RefundBody)
    key = idempotency_key(request)
    if key is None:
        raise InvalidRequest("Send an Idempotency-Key header: a refund is made once per key")
    if not ORDER_ID.fullmatch(order_id):
        raise OrderNotFound
    bind_order(order_id)
    try:
        made = await services(request).refunds.refund(order_id, _asked(body, key), token)
    except DatabaseError as refusal:
        # How much is left, which refund is open, and which role may: for an operator to know.
        refusal.details |= refusal.explained
        raise
    if made.status == "failed":
        raise RefundFailed(made.failure_message, refund=made.model_dump())
    done = made.status == "succeeded"
    return json({"success": done, "refund": made.model_dump()}, status=200 if done else 202)


def _asked(body: RefundBody, key: str) -> RefundRequest:
    return RefundRequest(
        reason=body.reason,
        idempotency_key=key,
        amount=body.amount,
        force=body.force,
        payment_key=body.payment_key,
        account=body.account.model_dump(exclude_none=True) if body.account else None,
    )
