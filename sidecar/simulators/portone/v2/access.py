"""The calls that PortOne V2 admits, and its `Idempotency-Key`: a quoted string.

Under one key the first answer is given again for three hours.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sanic.response import json, raw

from simulators.portone.v2.errors import failed
from simulators.requests import json_object

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from simulators.base import Handler

_KEY = re.compile(r'"(?P<key>[ -!#-\[\]-~]{16,256})"')
_LIFETIME = 3 * 3600

Answer = tuple[int, bytes, int]
"""When, body, status."""


class Access:
    """Authorization, and the refusal of bodies that are not JSON objects or do not fit."""

    def __init__(self, api_secret: str, store_id: str) -> None:
        self._authorization = f"PortOne {api_secret}"
        self._store_id = store_id

    def admitted(self, handler: Handler) -> Handler:
        """The handler, which may raise `ValidationError`, behind the API secret."""

        async def call(request: Request, **path: str) -> HTTPResponse:
            refusal = self._refusal(request)
            if refusal is not None:
                return refusal
            try:
                return await handler(request, **path)
            except ValidationError as error:
                return failed("INVALID_REQUEST", 400, str(error.errors()[0]["loc"]))

        return call

    def _refusal(self, request: Request) -> HTTPResponse | None:
        if request.headers.get("authorization") != self._authorization:
            return failed("UNAUTHORIZED", 401)
        body = json_object(request) if request.body else {}
        if body is None:
            return failed("INVALID_REQUEST", 400)
        if self.is_foreign(request.args.get("storeId") or body.get("storeId")):
            return failed("FORBIDDEN", 403)
        return None

    def is_foreign(self, store_id: str | None) -> bool:
        """True for the id of another store. None stands for the merchant's own."""
        return store_id not in {None, self._store_id}


class IdempotencyKeys:
    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._answers: dict[str, Answer | None] = {}

    def once(self, handler: Handler) -> Handler:
        """The handler, run once for each key."""

        async def call(request: Request, **path: str) -> HTTPResponse:
            given = request.headers.get("idempotency-key")
            if given is None:
                return await handler(request, **path)
            quoted = _KEY.fullmatch(given)
            if quoted is None:
                message = "Idempotency-Key has 16 to 256 ASCII characters, in double quotes"
                return json({"type": "INVALID_REQUEST", "message": message}, status=400)
            return self._known(quoted["key"]) or await self._run(
                quoted["key"], lambda: handler(request, **path)
            )

        return call

    def forget(self) -> None:
        self._answers.clear()

    def _known(self, key: str) -> HTTPResponse | None:
        if key not in self._answers:
            return None
        answer = self._answers[key]
        if answer is None:
            return json({"type": "IDEMPOTENCY_OUTSTANDING_REQUEST"}, status=409)
        when, body, status = answer
        if self._now() - when >= _LIFETIME:
            return None
        return raw(body, status=status, content_type="application/json")

    async def _run(self, key: str, call: Handler) -> HTTPResponse:
        self._answers[key] = None
        try:
            response = await call()
        except BaseException:
            del self._answers[key]
            raise
        self._answers[key] = (self._now(), response.body or b"", response.status)
        return response
