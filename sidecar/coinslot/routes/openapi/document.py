"""The OpenAPI document, `GET /openapi.json`: made once, from the routes' own models."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema
from sanic import Blueprint
from sanic.response import json

from coinslot.gateways.registry import gateway_names
from coinslot.release import OLDEST_SCHEMA, VERSION
from coinslot.routes import registry
from coinslot.routes.openapi.answers import Error
from coinslot.routes.openapi.operations import operations

if TYPE_CHECKING:
    from pydantic import BaseModel
    from sanic import HTTPResponse, Request

    from coinslot.routes.gateway_routes import GatewayRoutes
    from coinslot.routes.openapi.operation import Json, Operation

openapi = Blueprint("openapi")

_SENTENCES = {
    "400": "Malformed, or refused",
    "401": "Who is calling is not known, or the signature is not the gateway's",
    "404": "There is no such order for the caller, or the gateway is off",
    "408": "The request did not arrive in time",
    "409": "The Idempotency-Key belongs to another request",
    "413": "The body is too large",
    "415": "The body is of the wrong type",
    "429": "Too many orders without a payment, or too many requests",
    "4XX": "The gateway declined, in its own words",
    "500": "A failure of this server",
    "502": "The gateway cannot be reached, or talks nonsense; nothing was changed",
    "503": "The database cannot be reached, or others are at the same order; try again",
    "504": "The gateway did not answer in time; nothing was changed",
}
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds until there is room for another",
        "schema": {"type": "integer", "minimum": 1},
    }
}
_REFERENCE = "#/components/schemas/{model}"
_DOCUMENTED = {
    200: "Done",
    201: "Added",
    202: "Waiting for the buyer's deposit, or for the gateway",
    403: "The caller is no operator, or of a role that may not",
    409: "Refused as things are",
    303: "To the frontend's /payment/success or /payment/fail",
    503: "Not ready",
}


@openapi.get("/openapi.json")
async def serve(_request: Request) -> HTTPResponse:
    return json(document())


def document() -> Json:
    return _made(registry.GATEWAY_ROUTES)


@cache
def _made(_of_gateways: tuple[GatewayRoutes, ...]) -> Json:
    known = operations()
    paths: dict[str, Json] = {}
    for operation in known:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Coinslot's sidecar",
            "version": VERSION,
            "x-oldest-schema": OLDEST_SCHEMA,
            "license": {"name": "MIT", "identifier": "MIT"},
            "description": "Sells tokens through payment gateways. Amounts are minor units.",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(known),
            "securitySchemes": {
                "jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "Supabase access token"}
            },
        },
    }


def _described(operation: Operation) -> Json:
    described: Json = {
        "operationId": re.sub(r"\W+", "_", f"{operation.method} {operation.path}").strip("_"),
        "summary": operation.summary,
        "security": {"required": [{"jwt": []}], "optional": [{}, {"jwt": []}], "none": []}[
            operation.jwt
        ],
        "parameters": _parameters(operation),
        "responses": {
            **{str(status): _answer(operation, status) for status in operation.answers},
            **{status: _error(status, code) for status, code in operation.errors.items()},
        },
    }
    if operation.body is not None:
        described["requestBody"] = _request_body(*operation.body)
    return described


def _parameters(operation: Operation) -> list[Json]:
    found = [
        _parameter("path", name, _in_path(name), required=True)
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    found += [_parameter("query", name, text) for name, text in operation.query.items()]
    if operation.idempotent:
        text = "Repeated with the same key, a request acts once and gets the same answer"
        found.append(_parameter("header", "Idempotency-Key", text))
    return found


def _in_path(name: str) -> str:
    *names, last = gateway_names()
    return {
        "order_id": "Our id of the order",
        "gateway": f"{', '.join(names)} or {last}",
        "endpoint_id": "The endpoint's id",
        "method_id": "The id of the stored method",
        "subscription_id": "The id of the subscription",
    }[name]


def _parameter(place: str, name: str, text: str, *, required: bool = False) -> Json:
    schema = {"type": "string"}
    return {
        "in": place,
        "name": name,
        "description": text,
        "required": required,
        "schema": schema,
    }


def _request_body(model: type[BaseModel] | None, example: Json) -> Json:
    """Without a model it is the gateway's own: any JSON, or a form of the same fields."""
    if model is not None:
        schema = model.model_json_schema(ref_template=_REFERENCE)
        schema.pop("$defs", None)
        return {"required": True, "content": _content(schema, example)}
    content = _content({"type": "object"}, example)
    form = {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}}
    return {"required": True, "content": {**content, **form}}


def _answer(operation: Operation, status: int) -> Json:
    model, example = operation.answers[status]
    if status == 303:
        location = {"schema": {"type": "string", "format": "uri"}}
        return {"description": _DOCUMENTED[status], "headers": {"Location": location}}
    schema = _ref(model) if model is not None else {"type": "object"}
    return {"description": _DOCUMENTED[status], "content": _content(schema, example)}


def _error(status: str, code: str) -> Json:
    example = {"error": _SENTENCES[status], "code": code}
    described = {"description": _SENTENCES[status], "content": _content(_ref(Error), example)}
    return {**described, "headers": _RETRY_AFTER} if status == "429" else described


def _content(schema: Json, example: Json) -> Json:
    return {"application/json": {"schema": schema, "example": example}}


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def _schemas(known: list[Operation]) -> Any:  # noqa: ANN401 - JSON
    models: set[type[BaseModel]] = {Error}
    for operation in known:
        models |= {model for model, _ in operation.answers.values() if model is not None}
    named = sorted(models, key=lambda model: model.__name__)
    _, schemas = models_json_schema(
        [(model, "validation") for model in named], ref_template=_REFERENCE
    )
    parts = [
        operation.body[0].model_json_schema(ref_template=_REFERENCE).get("$defs", {})
        for operation in known
        if operation.body is not None and operation.body[0] is not None
    ]
    return {name: part for known in (schemas["$defs"], *parts) for name, part in known.items()}
