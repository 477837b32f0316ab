"""The setup guide's route for Stripe: make an order and the PaymentIntent that pays it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator, Field
from sanic import Blueprint
from sanic.response import json

from coinslot.errors import InvalidRequest
from coinslot.payments.orders import no_longer_open
from coinslot.routes.rate_limits import limited
from coinslot.routes.requests import idempotency_key, json_body, required_token, services

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

stripe = Blueprint("stripe", url_prefix="/payment/stripe")

_GATEWAY = "stripe"
_DIGITS = re.compile(r"[0-9]{1,16}")


def _whole(value: object) -> object:
    """Minor units as a number or a numeric string: 1000, 1000.0, "1000". A string with a point is
    refused: whoever writes "10.00" means dollars."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("a whole number of minor units, or a string of one")


class CreateBody(BaseModel):
    """`amount` and `description` of a product on sale, or its id; what is given must all agree."""

    amount: Annotated[int, BeforeValidator(_whole)] | None = None
    description: str | None = None
    productId: str | None = None  # noqa: N815 - as the guide writes names
    currency: str = Field(default="USD", pattern=r"^[A-Za-z]{3}$")


@stripe.post("/create")
@limited("orders", signed_in=True)
async def create(request: Request) -> HTTPResponse:
    """Only here, and only to whoever made the order, is the client secret shown."""
    token = required_token(request)
    body = json_body(request, CreateBody)
    currency = body.currency.upper()
    product_id = await _product(request, token, body, currency)
    order, browser = await services(request).orders.checkout(
        token, product_id, _GATEWAY, idempotency_key(request), currency, amount=body.amount
    )
    if not browser:
        raise no_longer_open(order)
    return json(
        {
            "success": True,
            "orderId": order.order_id,
            "paymentId": order.id,
            "amount": order.amount,
            "currency": order.currency,
            **browser,
        }
    )


async def _product(request: Request, token: str, body: CreateBody, currency: str) -> str:
    if body.description is None or body.amount is None:
        if body.productId is None or body.description is not None or body.amount is not None:
            raise InvalidRequest("Give amount and description, or productId")
        return body.productId
    named = await services(request).orders.product_named(
        token, body.description, body.amount, currency
    )
    if body.productId not in {None, named}:
        raise InvalidRequest("productId is not the product of that description")
    return named
