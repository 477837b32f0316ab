"""PortOne V2's `Idempotency-Key`: a quoted string; the first answer again for three hours."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sanic.response import json, raw

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from simulators.base import Handler

_KEY = re.compile(r'"(?P<key>[ -!#-\[\]-~]{16,256})"')
_LIFETIME = 3 * 3600

Answer = tuple[int, bytes, int]
"""When, body, status."""


class IdempotencyKeys:
    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._answers: dict[str, Answer | None] = {}

    def keep(self, handler: Handler) -> Handler:
        """The handler, run once per key."""

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
