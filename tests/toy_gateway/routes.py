"""Acme's routes: make an order, and settle it once the buyer has paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel
from sanic import Blueprint
from sanic.response import json

from coinslot.routes.checkout import Wish, made_order, new_order
from coinslot.routes.gateway_routes import GatewayRoutes
from coinslot.routes.limited_routes import limited
from coinslot.routes.openapi import examples
from coinslot.routes.openapi.answers import Answer, NewOrder
from coinslot.routes.openapi.operation import CREATE, SETTLE, Operation
from coinslot.routes.requests import json_body, optional_token, required_token, services

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

acme = Blueprint("acme", url_prefix="/payment/acme")


class CreateBody(BaseModel):
    productId: str  # noqa: N815 - as the other gateways' routes have it


class CompleteBody(BaseModel):
    orderId: str  # noqa: N815


class Created(NewOrder):
    acmePayment: str  # noqa: N815


class AcmeCompleted(Answer):
    success: Literal[True]
    tokens: int
    status: str


class AcmeOffer(Answer):
    methods: list[str]


@acme.post("/create")
@limited("orders", signed_in=True)
async def create(request: Request) -> HTTPResponse:
    token = required_token(request)
    product_id = json_body(request, CreateBody).productId
    wish = Wish(product_id, None, None, "KRW", name_field="name")
    order, browser = await made_order(request, token, "acme", wish)
    return json({**new_order(order), **browser})


@acme.post("/complete")
@limited("settlements", signed_in=True)
async def complete(request: Request) -> HTTPResponse:
    order_id = json_body(request, CompleteBody).orderId
    order = await services(request).orders.complete(
        "acme", order_id, None, "complete", optional_token(request)
    )
    return json({"success": True, "tokens": order.tokens, "status": order.status})


_CREATED = {**examples.NEW, "amount": 5000, "currency": "KRW", "acmePayment": "acme_012345678901"}
_COMPLETED = {"success": True, "tokens": 10, "status": "completed"}
ROUTES = GatewayRoutes(
    gateway="acme",
    blueprint=acme,
    operations=(
        Operation(
            "post",
            "/payment/acme/create",
            "Order a product, to be paid through Acme",
            {200: (Created, _CREATED)},
            CREATE,
            jwt="required",
            idempotent=True,
            body=(CreateBody, {"productId": "starter"}),
        ),
        Operation(
            "post",
            "/payment/acme/complete",
            "Settle an order after the buyer has paid through Acme",
            {200: (AcmeCompleted, _COMPLETED)},
            SETTLE,
            jwt="optional",
            body=(CompleteBody, {"orderId": examples.ORDER}),
        ),
    ),
    offer=(AcmeOffer, {"methods": ["card"]}),
    webhook={"id": "evt_1", "type": "paid", "order": examples.ORDER, "payment": "acme_1"},
)
