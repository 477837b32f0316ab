"""One route as the OpenAPI document tells of it, and the errors that many of them share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

Json = dict[str, Any]

DATABASE = {"503": "database_unavailable", "500": "internal"}
BODY = {
    "400": "invalid_request",
    "408": "request_timeout",
    "413": "body_too_large",
    "415": "unsupported_content_type",
}
LIMITED = {"429": "too_many_requests"}
GATEWAY = {"404": "gateway_off", "502": "gateway_unavailable", "504": "gateway_timeout"}

CREATE = {
    **DATABASE,
    **BODY,
    **GATEWAY,
    "401": "unauthenticated",
    "409": "idempotency_key_reused",
    "429": "too_many_orders",
}
"""Of a route that makes an order."""

SETTLE = {
    **DATABASE,
    **BODY,
    **GATEWAY,
    **LIMITED,
    "400": "payment_not_verified",
    "401": "unauthenticated",
    "404": "order_not_found",
}
"""Of a route that settles one."""


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
