"""Endpoints added and rotated, for operators: this server makes the secret and shows it once."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sanic import Blueprint
from sanic.response import json

from coinslot.errors import DatabaseError, EndpointNotFound
from coinslot.routes.limited_routes import limited
from coinslot.routes.requests import json_body, required_token, services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sanic import HTTPResponse, Request

endpoints = Blueprint("endpoints", url_prefix="/endpoints")

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Reason = Annotated[str, Field(min_length=1, max_length=500)]
Type = Annotated[str, Field(pattern=r"^[a-z0-9_.]{1,100}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, hide_input_in_errors=True)


class EndpointBody(_Body):
    """`types` are the kinds of events that it is told of; without them it is told of all."""

    url: Annotated[str, Field(min_length=1, max_length=2048)]
    reason: Reason
    name: Annotated[str, Field(max_length=100)] = ""
    types: Annotated[list[Type], Field(min_length=1, max_length=100)] | None = None


class RotationBody(_Body):
    """For `keepSeconds`, a day without it, what is sent is signed with the old secret as well."""

    reason: Reason
    keep_seconds: Annotated[int, Field(ge=0, le=604_800, strict=True)] = 86_400


@endpoints.post("/")
@limited("refunds", signed_in=True)
async def add(request: Request) -> HTTPResponse:
    """Postgres says if the caller is an owner."""
    token = required_token(request)
    body = json_body(request, EndpointBody)
    database = services(request).database.as_user(token)
    with _roles_told():
        made = await services(request).endpoints.add(
            database, body.url, name=body.name, types=body.types, reason=body.reason
        )
    return json(made.shown(), status=201)


@endpoints.post("/<endpoint_id:str>/rotate")
@limited("refunds", signed_in=True)
async def rotate(request: Request, endpoint_id: str) -> HTTPResponse:
    token = required_token(request)
    body = json_body(request, RotationBody)
    if not _ID.fullmatch(endpoint_id):
        raise EndpointNotFound
    database = services(request).database.as_user(token)
    with _roles_told():
        made = await services(request).endpoints.rotate(
            database, endpoint_id, keep_seconds=body.keep_seconds, reason=body.reason
        )
    return json(made.shown())


@contextmanager
def _roles_told() -> Iterator[None]:
    """Tells whoever is refused which role may."""
    try:
        yield
    except DatabaseError as refusal:
        if refusal.code == "forbidden":
            refusal.details |= refusal.explained
        raise
