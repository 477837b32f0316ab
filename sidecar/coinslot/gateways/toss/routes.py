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
from coinslot.routes import examples
from coinslot.routes.answers import Answer, NewOrder, PublicPayment, ShownPayment, Waiting
from coinslot.routes.checkout import Wish, made_order, new_order
from coinslot.routes.gateway_routes import GatewayRoutes
from coinslot.routes.limited_routes import limited
from coinslot.routes.operation import CREATE, SETTLE, Operation
from coinslot.routes.orders import shown
from coinslot.routes.requests import json_body, optional_token, required_token, services
from coinslot.routes.whole_numbers import whole

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from coinslot.database.records import OrderRecord
    from coinslot.payments.settlements import Settled

toss = Blueprint("toss", url_prefix="/payment/toss")

_GATEWAY, _CURRENCY = "toss", "KRW"
_FOR_ANYONE = {"order_id", "amount", "currency", "status", "tokens", "payment_method"}


Won = Annotated[int, whole("won", zeros=True)]


class CreateBody(BaseModel):
    """`amount` and `orderName` of a product on sale, or its id; what is given must all agree."""

    amount: Won | None = None
    orderName: str | None = None  # noqa: N815 - the guide's name
    productId: str | None = None  # noqa: N815 - goes with it


class ConfirmBody(BaseModel):
    paymentKey: str  # noqa: N815 - the guide's names
    orderId: str  # noqa: N815
    amount: Won


class TossConfig(Answer):
    """The fields that Toss's browser SDK takes."""

    clientKey: str  # noqa: N815 - Toss's names
    orderId: str  # noqa: N815
    orderName: str  # noqa: N815
    amount: int
    # Until when a virtual account takes the deposit, in Korea's time.
    dueDate: str = ""  # noqa: N815
    successUrl: str  # noqa: N815
    failUrl: str  # noqa: N815


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
    methods: list[str]


@toss.post("/create")
@limited("orders", signed_in=True)
async def create(request: Request) -> HTTPResponse:
    token = required_token(request)
    body = json_body(request, CreateBody)
    wish = Wish(body.productId, body.orderName, body.amount, _CURRENCY, name_field="orderName")
    order, config = await made_order(request, token, _GATEWAY, wish)
    name = body.orderName or order.name
    return json({**new_order(order), "tossConfig": {**config, "orderName": name}})


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
    if settled.order.status == "awaiting_deposit":
        waiting = {"success": False, "status": "awaiting_deposit", "tokens": settled.order.tokens}
        return json({**answer, **waiting}, status=202)
    return json(answer)


def _answer(settled: Settled, *, for_owner: bool) -> dict[str, Any]:
    order, fact = settled.order, settled.fact
    answer = {
        "success": True,
        "payment": shown(order) if for_owner else _for_anyone(order),
        "tossPayment": dict(fact.shown),
    }
    if for_owner and order.status == "awaiting_deposit":
        answer["virtual_account"] = order.virtual_account
    return answer


def _for_anyone(order: OrderRecord) -> dict[str, Any]:
    return {name: value for name, value in shown(order).items() if name in _FOR_ANYONE}


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
