"""A person's own orders, as the setup guide shows them."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from sanic import Blueprint
from sanic.response import json

from coinslot.errors import InvalidRequest
from coinslot.gateways.declines import told
from coinslot.routes.limited_routes import limited
from coinslot.routes.requests import language, required_token, services

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from coinslot.database.records import OrderRecord

orders = Blueprint("orders", url_prefix="/payment")

_MAX_PAGE = 100
_WHOLE = re.compile(r"[1-9][0-9]{0,2}")
_CURSOR = re.compile(r"(?P<at>\d{4}-\d\d-\d\dT[\d:.]{8,15}[+-]\d\d:\d\d) (?P<id>[0-9a-f-]{36})")


@orders.get("/history/me")
@limited("reads", signed_in=True)
async def history(request: Request) -> HTTPResponse:
    """Newest first. `next` is the `before` of the following page, null on the last one."""
    token = required_token(request)
    limit = _limit(request.args.get("limit", "20"))
    before = request.args.get("before")
    # One more than asked for tells whether there is another page.
    found = await services(request).orders.history(
        token, limit + 1, _position(before) if before else None
    )
    page = found[:limit]
    return json(
        {
            "success": True,
            "count": len(page),
            "payments": [shown(order, language(request)) for order in page],
            "next": _cursor(page[-1]) if len(found) > limit else None,
        }
    )


@orders.get("/<order_id:str>")
@limited("reads", signed_in=True)
async def one(request: Request, order_id: str) -> HTTPResponse:
    order = await services(request).orders.owned(required_token(request), order_id)
    return json({"success": True, "payment": shown(order, language(request))})


@orders.get("/<order_id:str>/receipt")
@limited("settlements", signed_in=True)
async def receipt(request: Request, order_id: str) -> HTTPResponse:
    """The gateway's own, asked for anew each time: its address lets whoever has it look."""
    url = await services(request).receipts.address(required_token(request), order_id)
    return json({"success": True, "url": url}, headers={"Cache-Control": "no-store"})


def shown(order: OrderRecord, spoken: str) -> dict[str, Any]:
    """The guide's fields, where `payment_method` is the gateway; the instrument is `method`. Why a
    payment failed is told in the language `spoken`."""
    fields = order.model_dump(exclude={"gateway", "version", "live"})
    failure = told(order.failure_reason, spoken)
    return {**fields, "failure_reason": failure, "payment_method": order.gateway}


def _limit(text: str) -> int:
    if not _WHOLE.fullmatch(text) or int(text) > _MAX_PAGE:
        message = f"limit is a whole number from 1 to {_MAX_PAGE}"
        raise InvalidRequest(message)
    return int(text)


def _cursor(order: OrderRecord) -> str:
    return base64.urlsafe_b64encode(f"{order.created_at} {order.id}".encode()).decode()


def _position(cursor: str) -> tuple[str, str]:
    """It becomes part of a filter, so only what this server could have issued is let through."""
    try:
        position = _CURSOR.fullmatch(base64.urlsafe_b64decode(cursor).decode("ascii"))
    except ValueError:
        position = None
    if position is None:
        raise InvalidRequest("before is a cursor from an earlier page's next")
    return position["at"], position["id"]
