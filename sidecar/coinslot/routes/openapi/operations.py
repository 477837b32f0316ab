"""Every route as the OpenAPI document tells of it: who may call it, with what, and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.routes import billing, endpoints, refunds, registry
from coinslot.routes.openapi import answers, examples
from coinslot.routes.openapi.operation import BODY, DATABASE, GATEWAY, LIMITED, Operation

if TYPE_CHECKING:
    from pydantic import BaseModel

    from coinslot.routes.gateway_routes import GatewayRoutes


def operations() -> list[Operation]:
    """Those that all gateways have in common, and each one's own."""
    gateways = registry.GATEWAY_ROUTES
    of_gateways = [operation for each in gateways for operation in each.operations]
    return [*_COMMON, *billing.OPERATIONS, *_about_gateways(gateways), *of_gateways]


def _about_gateways(gateways: tuple[GatewayRoutes, ...]) -> tuple[Operation, ...]:
    return (
        Operation(
            "get",
            "/store/config",
            "What a store in a browser has to know",
            {
                200: (
                    _store_config(gateways),
                    {
                        "mode": "live",
                        "supabaseUrl": "https://your-project.supabase.co",
                        "anonKey": "sb_publishable_…",
                        "gateways": {each.gateway: each.offer[1] for each in gateways},
                        "sdk": {},
                        **examples.SHOP,
                        "demo": None,
                    },
                )
            },
        ),
        Operation(
            "post",
            "/payment/{gateway}/webhook",
            "What a gateway sends: kept once answered 200, followed afterwards",
            {200: (answers.Received, {"received": True})},
            {**DATABASE, **BODY, "401": "invalid_signature", "404": "gateway_off"},
            body=(None, gateways[0].webhook),
        ),
    )


def _store_config(gateways: tuple[GatewayRoutes, ...]) -> type[BaseModel]:
    return answers.store_config({each.gateway: each.offer[0] for each in gateways})


_COMMON = (
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
    Operation("get", "/openapi.json", "This document", {200: (None, {"openapi": "3.1.0"})}),
    Operation(
        "post",
        "/payment/{order_id}/refund",
        "Give money back and take back its tokens, as an operator",
        {
            200: (answers.Refunded, {"success": True, "refund": examples.REFUND}),
            202: (
                answers.RefundOpen,
                {
                    "success": False,
                    "refund": {**examples.REFUND, "status": "requested", "finished_at": None},
                },
            ),
            403: (
                answers.RoleNeeded,
                {
                    "error": "Sign in as an operator who has one of the roles named here.",
                    "code": "forbidden",
                    "roles": ["finance", "owner"],
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
            **DATABASE,
            **BODY,
            **LIMITED,
            "401": "unauthenticated",
            "404": "order_not_found",
        },
        jwt="required",
        idempotent=True,
        body=(refunds.RefundBody, {"reason": "The buyer asked for it", "amount": 2000}),
    ),
    Operation(
        "post",
        "/endpoints",
        "Add an address that is told of events, as an owner; its secret is shown once",
        {
            201: (
                answers.EndpointSecret,
                {"endpoint": examples.ENDPOINT, "secret": "whsec_AAECAwQFBgcICQoLDA0ODxAREhM="},
            ),
            403: (answers.RoleNeeded, examples.OWNER_NEEDED),
        },
        {**DATABASE, **BODY, **LIMITED, "401": "unauthenticated", "503": "secret_keys_missing"},
        jwt="required",
        body=(
            endpoints.EndpointBody,
            {"url": "https://app.example.com/hooks/coinslot", "reason": "The app grants access"},
        ),
    ),
    Operation(
        "post",
        "/endpoints/{endpoint_id}/rotate",
        "Make an endpoint a new secret, as an owner, and show it once",
        {
            200: (
                answers.EndpointSecret,
                {"endpoint": examples.ENDPOINT, "secret": "whsec_AAECAwQFBgcICQoLDA0ODxAREhM="},
            ),
            403: (answers.RoleNeeded, examples.OWNER_NEEDED),
        },
        {
            **DATABASE,
            **BODY,
            **LIMITED,
            "401": "unauthenticated",
            "404": "endpoint_not_found",
            "503": "secret_keys_missing",
        },
        jwt="required",
        body=(endpoints.RotationBody, {"reason": "It was in a log", "keepSeconds": 3600}),
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
        {**DATABASE, **LIMITED, "400": "invalid_request", "401": "unauthenticated"},
        jwt="required",
        query={"limit": "1 to 100, 20 if left out", "before": "`next` of the page before"},
    ),
    Operation(
        "get",
        "/payment/{order_id}/receipt",
        "The gateway's own receipt of one of the caller's orders",
        {200: (answers.Receipt, {"success": True, "url": "https://receipts.example.com/1"})},
        {**DATABASE, **LIMITED, **GATEWAY, "401": "unauthenticated", "404": "no_receipt"},
        jwt="required",
    ),
    Operation(
        "get",
        "/payment/{order_id}",
        "One of the caller's own orders",
        {200: (answers.OnePayment, {"success": True, "payment": examples.PAYMENT})},
        {**DATABASE, **LIMITED, "401": "unauthenticated", "404": "order_not_found"},
        jwt="required",
    ),
)
