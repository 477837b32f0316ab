"""The plan's routes for PortOne: check out, complete, the mobile redirect, and the webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlencode

import structlog
from pydantic import BaseModel, ConfigDict, WithJsonSchema, model_validator
from sanic import Blueprint
from sanic.response import json, redirect

from coinslot.errors import CoinslotError, InvalidPackage
from coinslot.order_ids import ORDER_ID
from coinslot.routes.checkout import DepositBody, ask_cash_receipt
from coinslot.routes.gateway_routes import GatewayRoutes
from coinslot.routes.limited_routes import limited
from coinslot.routes.openapi import examples
from coinslot.routes.openapi.answers import Answer, Waiting
from coinslot.routes.openapi.operation import CREATE, SETTLE, Operation
from coinslot.routes.requests import (
    idempotency_key,
    json_body,
    language,
    optional_token,
    required_token,
    services,
)

if TYPE_CHECKING:
    from pydantic.config import JsonDict, JsonValue
    from sanic import HTTPResponse, Request

    from coinslot.database.records import OrderRecord

log = structlog.get_logger(__name__)
portone = Blueprint("portone")

_GATEWAY = "portone"
# What a payment that was just made may be answered while PortOne's records lag behind its window.
_NOT_SEEN = {"payment_unknown_at_gateway", "payment_pending", "payment_expired", "payment_canceled"}


class CheckoutBody(DepositBody):
    packageId: Annotated[object, WithJsonSchema({"type": "string"})] = None  # noqa: N815 - the plan's
    method: str | None = None


_IDS: JsonDict = {name: {"type": "string"} for name in ("paymentKey", "impUid", "paymentId")}
_EITHER: list[JsonValue] = [{"required": ["paymentKey", "impUid"]}, {"required": ["paymentId"]}]


class CompleteBody(BaseModel):
    """`paymentKey` is our order id, `impUid` PortOne's id of the payment. Of V2 one id is enough:
    `paymentId`, which is our order id as well."""

    model_config = ConfigDict(
        json_schema_extra={"required": [], "anyOf": _EITHER, "properties": _IDS}
    )

    paymentKey: str  # noqa: N815 - the plan's name
    impUid: str | None  # noqa: N815 - the plan's name

    @model_validator(mode="before")
    @classmethod
    def _of_v2(cls, body: object) -> object:
        if isinstance(body, dict) and "paymentId" in body:
            return {"impUid": None, "paymentKey": body["paymentId"], **body}
        return body


class Checkout(Answer):
    """A new order. The fields from `storeId` to `virtualAccount` are what PortOne V2's browser SDK
    takes. With V1 there are only `orderName`, perhaps `channelKey`, and those below; `orderId` is
    the SDK's `merchant_uid`. Both SDKs are to be told until when a virtual account takes the
    deposit. The way to pay that was asked for is in `payMethod` and `easyPay`, or `pay_method`."""

    orderId: str  # noqa: N815 - the plan's name
    amount: int
    tokens: int
    name: str
    storeId: str = ""  # noqa: N815 - PortOne's names
    channelKey: str = ""  # noqa: N815
    paymentId: str = ""  # noqa: N815
    orderName: str = ""  # noqa: N815
    totalAmount: int = 0  # noqa: N815
    currency: str = ""
    virtualAccount: dict[str, Any] = {}  # noqa: N815, RUF012
    payMethod: str = ""  # noqa: N815
    easyPay: dict[str, str] = {}  # noqa: N815, RUF012
    vbank_due: str = ""
    pay_method: str = ""


class Completed(Answer):
    success: Literal[True]
    tokens: int
    status: Literal["completed", "partially_refunded"]


class PortOneOffer(Answer):
    """`code` is V1's, which its script is started with; `buyer` names what a store asks its buyer
    for, and hands to the window."""

    version: Literal[1, 2]
    code: str = ""
    methods: list[str]
    buyer: list[str] = []  # noqa: RUF012


@portone.post("/api/payments/checkout")
@limited("orders", signed_in=True)
async def checkout(request: Request) -> HTTPResponse:
    token = required_token(request)
    body = json_body(request, CheckoutBody)
    if not isinstance(body.packageId, str):
        raise InvalidPackage
    order, prepared = await services(request).orders.checkout(
        token,
        body.packageId,
        _GATEWAY,
        idempotency_key(request),
        method=body.method,
        language=language(request),
        basket=body.basket(),
    )
    await ask_cash_receipt(request, token, order.order_id, body)
    return json(
        {
            "orderId": order.order_id,
            "amount": order.amount,
            "tokens": order.tokens,
            "name": order.name,
            **prepared,
        }
    )


@portone.post("/api/payments/complete")
@limited("settlements", signed_in=True)
async def complete(request: Request) -> HTTPResponse:
    token = optional_token(request)
    body = json_body(request, CompleteBody)
    order = await services(request).orders.complete(
        _GATEWAY, body.paymentKey, body.impUid, "complete", token
    )
    if order.status == "awaiting_deposit":
        return json(_waiting(order, for_owner=token is not None), status=202)
    return json({"success": True, "tokens": order.tokens, "status": order.status})


@portone.get("/payments/complete")
async def return_from_window(request: Request) -> HTTPResponse:
    """Takes the buyer back from a phone's payment window. Its parameters decide nothing, least of
    all the page that the buyer sees next."""
    order_id, payment_key = _brought_back(request)
    try:
        order = await _come_back(request, order_id, payment_key)
    except CoinslotError as refusal:
        log.info("redirect_not_completed", code=refusal.code)
        ours = {"orderId": order_id} if ORDER_ID.fullmatch(order_id) else {}
        told = {"claimed": "true"} if refusal.code in _NOT_SEEN and _says_paid(request) else {}
        return _to_frontend(request, "fail", **ours, code=refusal.code, **told)
    waiting = {"status": order.status} if order.status == "awaiting_deposit" else {}
    return _to_frontend(request, "success", orderId=order.order_id, **waiting)


@limited("settlements", signed_in=False)
async def _come_back(request: Request, order_id: str, payment_key: str | None) -> OrderRecord:
    return await services(request).orders.complete(_GATEWAY, order_id, payment_key, "redirect")


def _brought_back(request: Request) -> tuple[str, str | None]:
    """V2 names the order alone, in older SDKs as `payment_id`; V1 the payment beside it."""
    order_id = request.args.get("paymentId") or request.args.get("payment_id")
    if order_id is not None:
        return order_id, None
    return request.args.get("merchant_uid", ""), request.args.get("imp_uid", "")


def _says_paid(request: Request) -> bool:
    """The window's own word, on which nothing is credited, and nobody told that they did not pay.
    Both versions name a code where they failed."""
    said_no = request.args.get("code") or request.args.get("error_code")
    return not said_no and request.args.get("imp_success") != "false"


def _waiting(order: OrderRecord, *, for_owner: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"success": False, "status": order.status, "tokens": order.tokens}
    if for_owner:
        body["virtual_account"] = order.virtual_account
    return body


def _to_frontend(request: Request, page: str, **query: str) -> HTTPResponse:
    target = f"{request.app.ctx.settings.frontend_url}/payment/{page}?{urlencode(query)}"
    return redirect(target, status=303)


_OPERATIONS = (
    Operation(
        "post",
        "/api/payments/checkout",
        "Order a package, to be paid through PortOne",
        {
            200: (
                Checkout,
                {"orderId": examples.ORDER, "amount": 12000, "tokens": 30, "name": "Standard Pack"},
            )
        },
        {**CREATE, "400": "invalid_package"},
        jwt="required",
        idempotent=True,
        body=(CheckoutBody, {"packageId": "standard"}),
    ),
    Operation(
        "post",
        "/api/payments/complete",
        "Settle an order after the buyer has paid through PortOne",
        {
            200: (Completed, {"success": True, "tokens": 30, "status": "completed"}),
            202: (
                Waiting,
                {
                    "success": False,
                    "status": "awaiting_deposit",
                    "tokens": 30,
                    "virtual_account": examples.ACCOUNT,
                },
            ),
        },
        SETTLE,
        jwt="optional",
        body=(CompleteBody, {"paymentKey": examples.ORDER, "impUid": "imp_123456789012"}),
    ),
    Operation(
        "get",
        "/payments/complete",
        "Where a phone's payment window sends the buyer, on to the frontend's page",
        {303: (None, {})},
        query={
            "merchant_uid": "PortOne V1: the order",
            "imp_uid": "PortOne V1: the payment",
            "paymentId": "PortOne V2: the order",
            "payment_id": "PortOne V2, older SDKs: the order",
        },
    ),
)
ROUTES = GatewayRoutes(
    gateway=_GATEWAY,
    blueprint=portone,
    operations=_OPERATIONS,
    offer=(PortOneOffer, {"version": 2, "methods": ["card"]}),
    webhook={"imp_uid": "imp_123456789012", "merchant_uid": examples.ORDER, "status": "paid"},
)
