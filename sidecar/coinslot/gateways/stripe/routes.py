"""The setup guide's route for Stripe: make an order and the PaymentIntent that pays it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from sanic import Blueprint
from sanic.response import json

from coinslot.routes.checkout import BasketBody, Wish, made_order, new_order
from coinslot.routes.gateway_routes import GatewayRoutes
from coinslot.routes.limited_routes import limited
from coinslot.routes.openapi import examples
from coinslot.routes.openapi.answers import Answer, NewOrder
from coinslot.routes.openapi.operation import CREATE, Operation
from coinslot.routes.requests import json_body, required_token
from coinslot.routes.whole_numbers import whole

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

stripe = Blueprint("stripe", url_prefix="/payment/stripe")

_GATEWAY = "stripe"


class CreateBody(BasketBody):
    """`amount` and `description` of a product on sale, or its id; what is given must all agree."""

    amount: Annotated[int, whole("minor units")] | None = None
    description: str | None = None
    productId: str | None = None  # noqa: N815 - as the guide writes names
    currency: str = Field(default="USD", pattern=r"^[A-Za-z]{3}$")
    method: str | None = None


class StripeCreated(NewOrder):
    """`clientSecret` lets the page that holds it pay this order: show it to nobody else."""

    clientSecret: str  # noqa: N815
    publishableKey: str  # noqa: N815


class StripeOffer(Answer):
    """There is nothing to know of it beforehand."""


@stripe.post("/create")
@limited("orders", signed_in=True)
async def create(request: Request) -> HTTPResponse:
    """Only here, and only to whoever made the order, is the client secret shown."""
    token = required_token(request)
    body = json_body(request, CreateBody)
    currency = body.currency.upper()
    wish = Wish(
        body.productId,
        body.description,
        body.amount,
        currency,
        "description",
        body.method,
        body.basket(),
    )
    order, browser = await made_order(request, token, _GATEWAY, wish)
    return json({**new_order(order), **browser})


_OPERATIONS = (
    Operation(
        "post",
        "/payment/stripe/create",
        "Order a product, to be paid through Stripe",
        {
            200: (
                StripeCreated,
                {
                    **examples.NEW,
                    "amount": 1000,
                    "currency": "USD",
                    "clientSecret": "pi_…_secret_…",
                    "publishableKey": "pk_test_…",
                },
            )
        },
        {**CREATE, "400": "amount_mismatch"},
        jwt="required",
        idempotent=True,
        body=(CreateBody, {"amount": 1000, "description": "Premium Fortune Reading"}),
    ),
)
ROUTES = GatewayRoutes(
    gateway=_GATEWAY,
    blueprint=stripe,
    operations=_OPERATIONS,
    offer=(StripeOffer, {}),
    webhook={
        "id": "evt_1",
        "type": "payment_intent.succeeded",
        "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
    },
)
