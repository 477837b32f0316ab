"""The parts of a request that many routes read: the JWT, the key, the body."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, TypeVar, cast

from pydantic import BaseModel, ValidationError

from coinslot.errors import InvalidRequest, InvalidText, Unauthorized, UnsupportedContentType
from coinslot.text import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sanic import Request

    from coinslot.services import Services


M = TypeVar("M", bound=BaseModel)

# RFC 6750's b64token: anything else could not be passed on as a header.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def services(request: Request) -> Services:
    return cast("Services", request.app.ctx.services)


def optional_token(request: Request) -> str | None:
    """The JWT of the `Authorization` header. Postgres says if it is good."""
    header: str | None = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not _TOKEN.fullmatch(token.strip()):
        raise Unauthorized
    return token.strip()


def is_token(text: str) -> bool:
    """True for what could be a JWT."""
    return bool(_TOKEN.fullmatch(text))


def required_token(request: Request) -> str:
    token = optional_token(request)
    if token is None:
        raise Unauthorized
    return token


def idempotency_key(request: Request) -> str | None:
    key: str | None = request.headers.get("idempotency-key")
    if key is not None and not (key.isascii() and key.isprintable() and 1 <= len(key) <= 255):
        raise InvalidRequest("Idempotency-Key has 1 to 255 printable ASCII characters")
    return key


def language(request: Request) -> str:
    """ko or en, as `Accept-Language` prefers; Korean where it asks for neither."""
    header: str = request.headers.get("accept-language", "")
    wanted = (_preference(part) for part in header[:200].split(","))
    known = [(rank, name) for rank, name in wanted if name in {"ko", "en"} and rank > 0]
    return max(known, key=lambda each: each[0], default=(1.0, "ko"))[1]


def _preference(part: str) -> tuple[float, str]:
    name, _, quality = part.replace(" ", "").lower().partition(";q=")
    try:
        rank = float(quality or 1)
    except ValueError:
        rank = 0.0
    return rank, name.partition("-")[0]


def json_body(request: Request, model: type[M]) -> M:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise UnsupportedContentType
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not JSON", code="malformed_json") from error
    if not all(map(is_whole, _texts(body))):
        raise InvalidText
    return validated(model, body)


def _texts(body: object) -> Iterator[str]:
    """Every text in a body, the names of fields as well."""
    left = [body]
    while left:
        match left.pop():
            case str(text):
                yield text
            case dict(fields):
                left += [*fields, *fields.values()]
            case list(values):
                left += values


def validated(model: type[M], value: object) -> M:
    """`value` as the model; refuses it by naming the first field that does not fit."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in problem["loc"]) or "body"
        message = f"{field}: {problem['msg']}"
        raise InvalidRequest(message) from error
