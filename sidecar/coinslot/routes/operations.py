"""Every route as the OpenAPI document tells of it: who may call it, with what, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from coinslot.gateways.portone import routes as portone
from coinslot.gateways.stripe import routes as stripe
from coinslot.gateways.toss import routes as toss
from coinslot.routes import answers, examples, refunds

Json = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """`errors` are statuses with the `code` that their example has."""

    method: Literal["get", "post"]
    path: str
    summary: str
    answers: dict[int, tuple[type[BaseModel] | None, Json]]
    errors: dict[str, str] = field(default_factory=dict)
    jwt: Literal["required", "optional", "none"] = "none"
    idempotent: bool = False
    body: tuple[type[BaseModel] | None, Json] | None = None
    query: dict[str, str] = field(default_factory=dict)


_DATABASE = {"503": "database_unavailable", "500": "internal"}
_BODY = {"400": "invalid_request", "413": "body_too_large", "415": "unsupported_content_type"}
_BODY |= {"408": "request_timeout"}
_LIMITED = {"429": "too_many_requests"}
_GATEWAY = {"404": "gateway_off", "502": "gateway_unavailable", "504": "gateway_timeout"}
_CREATE = {**_DATABASE, **_BODY, **_GATEWAY, "401": "unauthenticated"}
_CREATE |= {"409": "idempotency_key_reused", "429": "too_many_orders"}
_SETTLE = {**_DATABASE, **_BODY, **_GATEWAY, **_LIMITED, "401": "unauthenticated"}
_SETTLE |= {"400": "payment_not_verified", "404": "order_not_found"}

OPERATIONS = (
    Operation(
        "get",
        "/health",
        "Whether the process lives",
        {200: (answers.Health, {"status": "ok"})},
    ),
    Operation(
        "get",
        "/ready",
        "Whether it can do its work",
        {
            200: (answers.Readiness, {"ready": True, "reasons": []}),
            503: (
                answers.Readiness,
                {"ready": False, "reasons": ["database: database_unavailable"]},
            ),
        },
    ),
    Operation(
        "get",
        "/store/config",
        "What a store in a browser has to know",
        {
            200: (
                answers.StoreConfig,
                {
                    "mode": "live",
                    "supabaseUrl": "https://your-project.supabase.co",
                    "anonKey": "sb_publishable_…",
                    "gateways": {"portone": {"version": 2, "methods": ["card"]}, "stripe": {}},
                    "sdk": {"portone": "https://cdn.portone.io/v2/browser-sdk.js"},
                    "demo": None,
                },
            )
        },
    ),
    Operation("get", "/openapi.json", "This document", {200: (None, {"openapi": "3.1.0"})}),
    Operation(
        "post",
        "/api/payments/checkout",
        "Order a package, to be paid through PortOne",
        {
            200: (
                answers.Checkout,
                {"orderId": examples.ORDER, "amount": 12000, "tokens": 30, "name": "Standard Pack"},
            )
        },
        {**_CREATE, "400": "invalid_package"},
        jwt="required",
        idempotent=True,
        body=(portone.CheckoutBody, {"packageId": "standard"}),
    ),
    Operation(
        "post",
        "/api/payments/complete",
        "Settle an order after the buyer has paid through PortOne",
        {
            200: (answers.Completed, {"success": True, "tokens": 30, "status": "completed"}),
            202: (
                answers.Waiting,
                {
                    "success": False,
                    "status": "awaiting_deposit",
                    "tokens": 30,
                    "virtual_account": examples.ACCOUNT,
                },
            ),
        },
        _SETTLE,
        jwt="optional",
        body=(portone.CompleteBody, {"paymentKey": examples.ORDER, "impUid": "imp_123456789012"}),
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
    Operation(
        "post",
        "/payment/toss/create",
        "Order a product, to be paid through Toss Payments",
        {
            200: (
                answers.TossCreated,
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
        {**_CREATE, "400": "amount_mismatch"},
        jwt="required",
        idempotent=True,
        body=(toss.CreateBody, {"amount": 13000, "orderName": "사주팔자 프리미엄 해석"}),
    ),
    Operation(
        "post",
        "/payment/toss/confirm",
        "Take the money that the buyer agreed to in Toss's window",
        {
            200: (
                answers.TossConfirmed,
                {"success": True, "payment": examples.PAYMENT, "tossPayment": {"status": "DONE"}},
            ),
            202: (
                answers.TossWaiting,
                {
                    "success": False,
                    "status": "awaiting_deposit",
                    "tokens": 0,
                    "virtual_account": examples.ACCOUNT,
                    "payment": {**examples.PAYMENT, "status": "awaiting_deposit", "paid": 0},
                    "tossPayment": {"status": "WAITING_FOR_DEPOSIT"},
                },
            ),
        },
        # What Toss declines has the status and the code that Toss gives it.
        {**_SETTLE, "4XX": "REJECT_CARD_PAYMENT"},
        jwt="optional",
        body=(
            toss.ConfirmBody,
            {
                "paymentKey": examples.PAYMENT["payment_key"],
                "orderId": examples.ORDER,
                "amount": 13000,
            },
        ),
    ),
    Operation(
        "post",
        "/payment/stripe/create",
        "Order a product, to be paid through Stripe",
        {
            200: (
                answers.StripeCreated,
                {
                    **examples.NEW,
                    "amount": 1000,
                    "currency": "USD",
                    "clientSecret": "pi_…_secret_…",
                    "publishableKey": "pk_test_…",
                },
            )
        },
        {**_CREATE, "400": "amount_mismatch"},
        jwt="required",
        idempotent=True,
        body=(stripe.CreateBody, {"amount": 1000, "description": "Premium Fortune Reading"}),
    ),
    Operation(
        "post",
        "/payment/{gateway}/webhook",
        "What a gateway sends: kept once answered 200, followed afterwards",
        {200: (answers.Received, {"received": True})},
        {**_DATABASE, **_BODY, "401": "invalid_signature", "404": "gateway_off"},
        body=(
            None,
            {"imp_uid": "imp_123456789012", "merchant_uid": examples.ORDER, "status": "paid"},
        ),
    ),
    Operation(
        "post",
        "/payment/{order_id}/refund",
        "Give money back and take back its tokens, as an administrator",
        {
            200: (answers.Refunded, {"success": True, "refund": examples.REFUND}),
            202: (
                answers.RefundOpen,
                {
                    "success": False,
                    "refund": {**examples.REFUND, "status": "requested", "finished_at": None},
                },
            ),
            409: (
                answers.RefundRefused,
                {
                    "error": "Refund less, or set force to take the balance below zero.",
                    "code": "tokens_already_spent",
                    "tokens": 3,
                    "required": 10,
                },
            ),
        },
        {
            **_DATABASE,
            **_BODY,
            **_LIMITED,
            "401": "unauthenticated",
            "403": "forbidden",
            "404": "order_not_found",
        },
        jwt="required",
        idempotent=True,
        body=(refunds.RefundBody, {"reason": "The buyer asked for it", "amount": 2000}),
    ),
    Operation(
        "get",
        "/payment/history/me",
        "The caller's own orders, newest first",
        {
            200: (
                answers.History,
                {"success": True, "count": 1, "payments": [examples.PAYMENT], "next": None},
            )
        },
        {**_DATABASE, **_LIMITED, "400": "invalid_request", "401": "unauthenticated"},
        jwt="required",
        query={"limit": "1 to 100, 20 if left out", "before": "`next` of the page before"},
    ),
    Operation(
        "get",
        "/payment/{order_id}",
        "One of the caller's own orders",
        {200: (answers.OnePayment, {"success": True, "payment": examples.PAYMENT})},
        {**_DATABASE, **_LIMITED, "401": "unauthenticated", "404": "order_not_found"},
        jwt="required",
    ),
)
