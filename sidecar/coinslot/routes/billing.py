"""Stored methods and subscriptions: what needs a gateway. The rest is RPCs of the database."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sanic import Blueprint
from sanic.response import json

from coinslot.errors import InvalidRequest, SubscriptionNotFound
from coinslot.routes.limited_routes import limited
from coinslot.routes.openapi.answers import Answer
from coinslot.routes.openapi.operation import BODY, DATABASE, GATEWAY, LIMITED, Json, Operation
from coinslot.routes.requests import json_body, language, required_token, services

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

billing = Blueprint("billing", url_prefix="/billing")

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Id = Annotated[str, Field(pattern=f"^{_UUID.pattern}$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Carried = Annotated[str, Field(max_length=400)]


class _Body(BaseModel):
    model_config = ConfigDict(
        extra="forbid", alias_generator=to_camel, populate_by_name=True, hide_input_in_errors=True
    )


class MethodBody(_Body):
    gateway: Name


class StoredBody(_Body):
    """`carried` is what the gateway's window gave to the page: a few texts, by its own names."""

    carried: Annotated[dict[str, Carried], Field(max_length=20)] = {}


class SubscribeBody(_Body):
    """`consent` is what the page showed, and is kept. `trial`: begin with the trial of the plan, or
    not at all; after it nothing is charged unless that is `agreed`."""

    plan_id: Name
    gateway: Name
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    method_id: Id
    consent: dict[str, str | int | bool | None] = {}
    trial: Literal["asked", "agreed"] | None = None


class BegunMethod(Answer):
    """`browser` is what the gateway's script needs to open its window for the method."""

    method_id: str
    gateway: str
    browser: dict[str, Any]


class ShownMethod(Answer):
    id: str
    gateway: str
    status: str
    brand: str | None = None
    last_four: str | None = None


class MethodStored(Answer):
    success: Literal[True]
    method: ShownMethod


class Charged(Answer):
    """The subscription as `list_token_subscriptions` shows it. `success`: it runs, or its trial."""

    success: bool
    subscription: dict[str, Any]


class ToAuthenticate(Answer):
    """`browser` is what the gateway's script needs to have the payment authenticated."""

    order_id: str
    gateway: str
    browser: dict[str, Any]


@billing.post("/methods")
@limited("orders", signed_in=True)
async def begin_method(request: Request) -> HTTPResponse:
    token = required_token(request)
    body = json_body(request, MethodBody)
    begun, browser = await services(request).methods.begin(token, body.gateway, language(request))
    return json({"method_id": begun.id, "gateway": begun.gateway, "browser": {**browser}})


@billing.post("/methods/<method_id:str>/stored")
@limited("settlements", signed_in=True)
async def method_stored(request: Request, method_id: str) -> HTTPResponse:
    token = required_token(request)
    body = json_body(request, StoredBody)
    method = await services(request).methods.finish(
        token, _id(method_id), body.carried, language(request)
    )
    shown = method.model_dump(include={"id", "gateway", "status", "brand", "last_four"})
    return json({"success": True, "method": shown})


@billing.post("/subscriptions")
@limited("orders", signed_in=True)
async def subscribe(request: Request) -> HTTPResponse:
    """Charges at once. Whether that was paid, the subscription says."""
    token = required_token(request)
    body = json_body(request, SubscribeBody)
    database = services(request).database.as_user(token)
    made = await database.subscribe(
        body.plan_id,
        body.gateway,
        body.currency,
        body.method_id,
        dict(body.consent),
        trial=body.trial,
    )
    return await _charged(request, token, made.id)


@billing.post("/subscriptions/<subscription_id:str>/charge")
@limited("settlements", signed_in=True)
async def charge(request: Request, subscription_id: str) -> HTTPResponse:
    """Charges what is due now, of the caller's own."""
    token = required_token(request)
    await _own(request, token, _id(subscription_id))
    return await _charged(request, token, subscription_id)


@billing.post("/subscriptions/<subscription_id:str>/authenticate")
@limited("settlements", signed_in=True)
async def authenticate(request: Request, subscription_id: str) -> HTTPResponse:
    """The payment that the bank wants its holder to authenticate, for the gateway's script."""
    token = required_token(request)
    asked = await services(request).charges.to_authenticate(token, _id(subscription_id))
    return json({**asked, "browser": {**asked["browser"]}})


async def _charged(request: Request, token: str, subscription_id: str) -> HTTPResponse:
    await services(request).charges.of(subscription_id)
    shown = await _own(request, token, subscription_id)
    success = shown["status"] in {"trialing", "active"}
    return json({"success": success, "subscription": shown})


async def _own(request: Request, token: str, subscription_id: str) -> dict[str, Any]:
    for each in await services(request).database.as_user(token).subscriptions():
        if each["id"] == subscription_id:
            return each
    raise SubscriptionNotFound


def _id(text: str) -> str:
    if not _UUID.fullmatch(text):
        raise InvalidRequest("The id in the address is a UUID")
    return text


_ERRORS = {**DATABASE, **BODY, **GATEWAY, **LIMITED, "401": "unauthenticated"}
_METHOD = "7a3e5112-b419-46c0-af38-bea766ac4602"
_SUBSCRIPTION = {
    "id": "c531bfad-4cfa-42c1-8fc2-94ecd9e720d3",
    "plan_id": "plus",
    "status": "active",
    "amount": 9900,
    "currency": "KRW",
    "tokens": 300,
    "period_end": "2026-12-30T01:00:00+00:00",
    "next_charge_at": "2026-12-30T01:12:00+00:00",
}
_CHARGED: dict[int, tuple[type[BaseModel] | None, Json]] = {
    200: (Charged, {"success": True, "subscription": _SUBSCRIPTION})
}
OPERATIONS = (
    Operation(
        "post",
        "/billing/methods",
        "Begin to store a payment method",
        {
            200: (
                BegunMethod,
                {"method_id": _METHOD, "gateway": "acme", "browser": {"customerKey": "…"}},
            )
        },
        {**_ERRORS, "409": "not_unattended"},
        jwt="required",
        body=(MethodBody, {"gateway": "acme"}),
    ),
    Operation(
        "post",
        "/billing/methods/{method_id}/stored",
        "Keep the method that the gateway's window stored",
        {
            200: (
                MethodStored,
                {
                    "success": True,
                    "method": {
                        "id": _METHOD,
                        "gateway": "acme",
                        "status": "active",
                        "brand": "Hyundai",
                        "last_four": "1234",
                    },
                },
            )
        },
        {**_ERRORS, "400": "method_not_stored", "404": "method_not_found", "409": "method_taken"},
        jwt="required",
        body=(StoredBody, {"carried": {"authKey": "…", "customerKey": "…"}}),
    ),
    Operation(
        "post",
        "/billing/subscriptions",
        "Subscribe to a plan, and charge its first period, or begin its trial",
        _CHARGED,
        {**_ERRORS, "404": "plan_not_found", "409": "already_subscribed"},
        jwt="required",
        body=(
            SubscribeBody,
            {
                "planId": "plus",
                "gateway": "acme",
                "currency": "KRW",
                "methodId": _METHOD,
                "consent": {"text": "2026-12"},
            },
        ),
    ),
    Operation(
        "post",
        "/billing/subscriptions/{subscription_id}/charge",
        "Charge now what is due of a subscription",
        _CHARGED,
        {**_ERRORS, "404": "subscription_not_found"},
        jwt="required",
    ),
    Operation(
        "post",
        "/billing/subscriptions/{subscription_id}/authenticate",
        "What a page needs to have its buyer authenticate a charge",
        {
            200: (
                ToAuthenticate,
                {"order_id": "ord_…", "gateway": "acme", "browser": {"clientSecret": "…"}},
            )
        },
        {**_ERRORS, "404": "subscription_not_found"},
        jwt="required",
    ),
)
