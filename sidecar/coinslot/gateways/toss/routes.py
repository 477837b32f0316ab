"""The setup guide's routes for Toss Payments: create an order, confirm what the buyer agreed to.

Confirming needs no identity, since Toss's word decides; whoever sends a JWT must be the owner, and
only the owner is shown the whole order and the account to pay into.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator
from sanic import Blueprint
from sanic.response import json

from coinslot.errors import InvalidRequest, PaymentDeclined, PaymentRefused
from coinslot.payments.orders import no_longer_open
from coinslot.routes.orders import shown
from coinslot.routes.rate_limits import limited
from coinslot.routes.requests import (
    idempotency_key,
    json_body,
    optional_token,
    required_token,
    services,
)

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from coinslot.database.records import Payment
    from coinslot.payments.settlements import Settled

toss = Blueprint("toss", url_prefix="/payment/toss")

_GATEWAY, _CURRENCY = "toss", "KRW"
_WHOLE = re.compile(r"([0-9]{1,16})(\.0{1,2})?")
_FOR_ANYONE = {"order_id", "amount", "currency", "status", "tokens", "payment_method"}


def _whole(value: object) -> object:
    """A number, or a numeric string as an address's query has it: 13000, 13000.0, "13000"."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and (digits := _WHOLE.fullmatch(value)):
        return int(digits[1])
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("a whole number of won, or a string of one")


Won = Annotated[int, BeforeValidator(_whole)]


class CreateBody(BaseModel):
    """`amount` and `orderName` of a product on sale, or its id; what is given must all agree."""

    amount: Won | None = None
    orderName: str | None = None  # noqa: N815 - the guide's name
    productId: str | None = None  # noqa: N815 - goes with it


class ConfirmBody(BaseModel):
    paymentKey: str  # noqa: N815 - the guide's names
    orderId: str  # noqa: N815
    amount: Won


@toss.post("/create")
@limited("orders", signed_in=True)
async def create(request: Request) -> HTTPResponse:
    token = required_token(request)
    body = json_body(request, CreateBody)
    product_id = await _product(request, token, body)
    order, config = await services(request).orders.checkout(
        token, product_id, _GATEWAY, idempotency_key(request), _CURRENCY, amount=body.amount
    )
    if not config:
        raise no_longer_open(order)
    return json(
        {
            "success": True,
            "orderId": order.order_id,
            "paymentId": order.id,
            "amount": order.amount,
            "currency": order.currency,
            "tossConfig": {**config, "orderName": body.orderName or order.name},
        }
    )


@toss.post("/confirm")
@limited("settlements", signed_in=True)
async def confirm(request: Request) -> HTTPResponse:
    token = optional_token(request)
    body = json_body(request, ConfirmBody)
    try:
        settled = await services(request).orders.confirm(
            _GATEWAY,
            body.orderId,
            body.paymentKey,
            body.amount,
            language=_language(request),
            token=token,
        )
    except PaymentDeclined:
        raise
    except PaymentRefused as refusal:
        message = "Payment confirmation failed"
        raise PaymentRefused(message, code=refusal.code, **refusal.details) from refusal
    answer = _answer(settled, for_owner=token is not None)
    if settled.payment.status == "awaiting_deposit":
        waiting = {"success": False, "status": "awaiting_deposit", "tokens": settled.payment.tokens}
        return json({**answer, **waiting}, status=202)
    return json(answer)


async def _product(request: Request, token: str, body: CreateBody) -> str:
    if body.orderName is None or body.amount is None:
        if body.productId is None or body.orderName is not None or body.amount is not None:
            raise InvalidRequest("Give amount and orderName, or productId")
        return body.productId
    named = await services(request).orders.product_named(
        token, body.orderName, body.amount, _CURRENCY
    )
    if body.productId not in {None, named}:
        raise InvalidRequest("productId is not the product of that orderName")
    return named


def _answer(settled: Settled, *, for_owner: bool) -> dict[str, Any]:
    payment, fact = settled.payment, settled.fact
    answer = {
        "success": True,
        "payment": shown(payment) if for_owner else _for_anyone(payment),
        "tossPayment": dict(fact.shown),
    }
    if for_owner and payment.status == "awaiting_deposit":
        answer["virtual_account"] = payment.virtual_account
    return answer


def _for_anyone(payment: Payment) -> dict[str, Any]:
    return {name: value for name, value in shown(payment).items() if name in _FOR_ANYONE}


def _language(request: Request) -> str:
    """ko or en, as `Accept-Language` prefers; Korean where it asks for neither."""
    header: str = request.headers.get("accept-language", "")
    wanted = (_preference(part) for part in header[:200].split(","))
    known = [(rank, name) for rank, name in wanted if name in {"ko", "en"} and rank > 0]
    return max(known, key=lambda each: each[0], default=(1.0, "ko"))[1]


def _preference(part: str) -> tuple[float, str]:
    name, _, quality = part.replace(" ", "").lower().partition(";q=")
    try:
        rank = float(quality or 1)
    except ValueError:
        rank = 0.0
    return rank, name.partition("-")[0]
