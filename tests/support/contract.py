"""Answers compared with what the sidecar's OpenAPI document says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openapi_schema_validator import OAS31Validator

from coinslot.routes.openapi.document import document

if TYPE_CHECKING:
    import httpx


def problems(schema: dict[str, Any], value: object) -> list[str]:
    """The reasons for which a value does not fit a schema of the document; none if it fits."""
    whole = {**schema, "components": document()["components"]}
    return [error.message for error in OAS31Validator(whole).iter_errors(value)]


def agreed(method: str, path: str, response: httpx.Response) -> int:
    """The status, of an answer that is documented for this operation and has its form."""
    responses = document()["paths"][path][method]["responses"]
    status = str(response.status_code)
    described = responses.get(status) or responses[f"{status[0]}XX"]
    if "content" not in described:
        return response.status_code
    schema = described["content"]["application/json"]["schema"]
    assert problems(schema, response.json()) == [], response.text
    return response.status_code
