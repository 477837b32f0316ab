"""The setup guide's routes for Toss Payments: create an order, confirm what the buyer agreed to.

Confirming needs no identity, since Toss's word decides; whoever sends a JWT must be the owner, and
only the owner is shown the whole order and the account to pay into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel
from sanic import Blueprint
from sanic.response import json

from coinslot.errors import PaymentDeclined, PaymentRefused
from coinslot.routes.checkout import (
    DepositBody,
    Wish,
    ask_cash_receipt,
    made_order,
    new_order,
)
from coinslot.routes.gateway_routes import GatewayRoutes
from coinslot.routes.limited_routes import limited
from coinslot.routes.openapi import examples
from coinslot.routes.openapi.answers import Answer, NewOrder, PublicPayment, ShownPayment, Waiting
from coinslot.routes.openapi.operation import CREATE, SETTLE, Operation
from coinslot.routes.orders import shown
from coinslot.routes.requests import (
    json_body,
    language,
    optional_token,
    required_token,
    services,
)
from coinslot.routes.whole_numbers import whole

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from coinslot.database.records import OrderRecord
    from coinslot.payments.settlements import Settled

toss = Blueprint("toss", url_prefix="/payment/toss")

_GATEWAY, _CURRENCY = "toss", "KRW"
_FOR_ANYONE = {"order_id", "amount", "currency", "status", "tokens", "payment_method"}


Won = Annotated[int, whole("won", zeros=True)]


class CreateBody(DepositBody):
    """`amount` and `orderName` of a product on sale, or its id; what is given must all agree."""

    amount: Won | None = None
    orderName: str | None = None  # noqa: N815 - the guide's name
    productId: str | None = None  # noqa: N815 - goes with it
    method: str | None = None


class ConfirmBody(BaseModel):
    paymentKey: str  # noqa: N815 - the guide's names
    orderId: str  # noqa: N815
    amount: Won


class TossConfig(Answer):
    """The fields that Toss's browser SDK takes. `method` and `card` are those of the way to pay
    that was asked for; there are none for keys of the widgets."""

    clientKey: str  # noqa: N815 - Toss's names
    orderId: str  # noqa: N815
    orderName: str  # noqa: N815
    amount: int
    # Until when a virtual account takes the deposit, in Korea's time.
    dueDate: str = ""  # noqa: N815
    successUrl: str  # noqa: N815
    failUrl: str  # noqa: N815
    method: str = ""
    card: dict[str, str] = {}  # noqa: RUF012


class TossCreated(NewOrder):
    tossConfig: TossConfig  # noqa: N815


class TossConfirmed(Answer):
    """The whole order to its owner; to anybody else what an order id tells."""

    success: Literal[True]
    payment: ShownPayment | PublicPayment
    tossPayment: dict[str, Any]  # noqa: N815


class TossWaiting(Waiting):
    payment: ShownPayment | PublicPayment
    tossPayment: dict[str, Any]  # noqa: N815


class TossOffer(Answer):
    """`buyer` names what a store asks its buyer for, and hands to the window."""

    methods: list[str]
    buyer: list[str] = []  # noqa: RUF012


@toss.post("/create")
@limited("orders", signed_in=True)
async def create(request: Request) -> HTTPResponse:
    token = required_token(request)
    body = json_body(request, CreateBody)
    wish = Wish(
        body.productId,
        body.orderName,
        body.amount,
        _CURRENCY,
        "orderName",
        body.method,
        body.basket(),
    )
    order, config = await made_order(request, token, _GATEWAY, wish)
    await ask_cash_receipt(request, token, order.order_id, body)
    named = {"orderName": body.orderName} if body.orderName else {}
    return json({**new_order(order), "tossConfig": {**config, **named}})


@toss.post("/confirm")
@limited("settlements", signed_in=True)
async def confirm(request: Request) -> HTTPResponse:
    token, spoken = optional_token(request), language(request)
    body = json_body(request, ConfirmBody)
    try:
        settled = await services(request).orders.confirm(
            _GATEWAY,
            body.orderId,
            body.paymentKey,
            body.amount,
            language=spoken,
            token=token,
        )
    except PaymentDeclined:
        raise
    except PaymentRefused as refusal:
        message = "Payment confirmation failed"
        raise PaymentRefused(message, code=refusal.code, **refusal.details) from refusal
    answer = _answer(settled, spoken, for_owner=token is not None)
    if settled.order.status == "awaiting_deposit":
        waiting = {"success": False, "status": "awaiting_deposit", "tokens": settled.order.tokens}
        return json({**answer, **waiting}, status=202)
    return json(answer)


def _answer(settled: Settled, spoken: str, *, for_owner: bool) -> dict[str, Any]:
    order, fact = settled.order, settled.fact
    answer = {
        "success": True,
        "payment": shown(order, spoken) if for_owner else _for_anyone(order),
        "tossPayment": dict(fact.shown),
    }
    if for_owner and order.status == "awaiting_deposit":
        answer["virtual_account"] = order.virtual_account
    return answer


def _for_anyone(order: OrderRecord) -> dict[str, Any]:
    return {name: value for name, value in shown(order, "ko").items() if name in _FOR_ANYONE}


_PAYMENT = {
    **examples.PAYMENT,
    "payment_method": _GATEWAY,
    "payment_key": "tgen_20261110123456abcd1",
}
_OPERATIONS = (
    Operation(
        "post",
        "/payment/toss/create",
        "Order a product, to be paid through Toss Payments",
        {
            200: (
                TossCreated,
                {
                    **examples.NEW,
                    "amount": 13000,
                    "currency": "KRW",
                    "tossConfig": {
                        "clientKey": "test_ck_…",
                        "orderId": examples.ORDER,
                        "orderName": "사주팔자 프리미엄 해석",
                        "amount": 13000,
                        "successUrl": "https://app.example.com/payment/success",
                        "failUrl": "https://app.example.com/payment/fail",
                    },
                },
            )
        },
        {**CREATE, "400": "amount_mismatch"},
        jwt="required",
        idempotent=True,
        body=(CreateBody, {"amount": 13000, "orderName": "사주팔자 프리미엄 해석"}),
    ),
    Operation(
        "post",
        "/payment/toss/confirm",
        "Take the money that the buyer agreed to in Toss's window",
        {
            200: (
                TossConfirmed,
                {"success": True, "payment": _PAYMENT, "tossPayment": {"status": "DONE"}},
            ),
            202: (
                TossWaiting,
                {
                    "success": False,
                    "status": "awaiting_deposit",
                    "tokens": 0,
                    "virtual_account": examples.ACCOUNT,
                    "payment": {**_PAYMENT, "status": "awaiting_deposit", "paid": 0},
                    "tossPayment": {"status": "WAITING_FOR_DEPOSIT"},
                },
            ),
        },
        # A payment that Toss declines is answered with the status and the code of Toss.
        {**SETTLE, "4XX": "REJECT_CARD_PAYMENT"},
        jwt="optional",
        body=(
            ConfirmBody,
            {
                "paymentKey": _PAYMENT["payment_key"],
                "orderId": examples.ORDER,
                "amount": 13000,
            },
        ),
    ),
)
ROUTES = GatewayRoutes(
    gateway=_GATEWAY,
    blueprint=toss,
    operations=_OPERATIONS,
    offer=(TossOffer, {"methods": ["card"]}),
    webhook={
        "eventType": "PAYMENT_STATUS_CHANGED",
        "data": {
            "paymentKey": _PAYMENT["payment_key"],
            "orderId": examples.ORDER,
            "status": "DONE",
        },
    },
)
