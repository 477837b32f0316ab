"""The simulators' own way to take a request's JSON, and to refuse a request.

Nothing here is shared with the product: a mistake in one must not hide the same mistake in the
other.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from sanic.exceptions import SanicException
from sanic.handlers import ErrorHandler
from sanic.response import json

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

Json = dict[str, Any]
M = TypeVar("M", bound=BaseModel)

log = logging.getLogger("simulators")


class Refusal(SanicException):
    """A request that a simulator does not take: a status, a stable code and a sentence."""

    code = "invalid_request"
    quiet = True

    def __init__(self, sentence: str, *, status: int = 400, code: str | None = None) -> None:
        super().__init__(sentence, status_code=status)
        self.code = code or self.code


class NotPossible(Refusal):
    """The gateway, or the payment in its state, does not do this."""

    def __init__(self, sentence: str, *, code: str = "not_possible") -> None:
        super().__init__(sentence, status=409, code=code)


def json_body(request: Request, model: type[M]) -> M:
    """The body as the model, whatever its content type. Raises `Refusal` for anything else."""
    try:
        return model.model_validate_json(request.body)
    except ValidationError as error:
        raise Refusal(_first(error)) from error


def json_object(request: Request) -> Json | None:
    """The body where it is a JSON object, else None: each gateway refuses in its own words."""
    try:
        body = from_json(request.body)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def validated(model: type[M], value: object) -> M:
    """The value as the model. Raises `Refusal` where it does not fit."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Refusal(_first(error)) from error


def _first(error: ValidationError) -> str:
    problem = error.errors(include_input=False, include_url=False)[0]
    field = ".".join(str(part) for part in problem["loc"]) or "body"
    return f"{field}: {problem['msg']}"


class JsonErrors(ErrorHandler):
    """Answers every failure of a simulator as JSON; an unexpected one is logged, not shown."""

    def default(self, request: Request, exception: Exception) -> HTTPResponse:  # noqa: ARG002
        if isinstance(exception, Refusal):
            body = {"error": str(exception), "code": exception.code}
            return json(body, status=exception.status_code)
        if isinstance(exception, SanicException):
            body = {"error": str(exception), "code": "refused"}
            return json(body, status=exception.status_code)
        log.error("unexpected error", exc_info=exception)
        return json({"error": "The simulator failed", "code": "internal"}, status=500)
