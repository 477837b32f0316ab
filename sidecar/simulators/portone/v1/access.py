"""The access tokens of PortOne V1, and the calls that they admit.

Asked for again, a token is the same one; near its end it is the same for longer.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from simulators.portone.v1.envelope import failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sanic import HTTPResponse, Request

    from simulators.base import Handler

_LIFETIME = 30 * 60
_NEAR_END = 60
_EXTENSION = 5 * 60


class Tokens:
    def __init__(self, key: str, secret: str) -> None:
        self._credentials = (key, secret)
        self._token = ""
        self._expires = 0
        self.issued = 0

    def issue(self, key: str, secret: str, now: int) -> dict[str, Any] | None:
        """The answer of getToken, or None for the wrong keys."""
        if (key, secret) != self._credentials:
            return None
        self.issued += 1
        if now >= self._expires:
            self._token, self._expires = secrets.token_hex(20), now + _LIFETIME
        elif self._expires - now < _NEAR_END:
            self._expires += _EXTENSION
        return {"access_token": self._token, "now": now, "expired_at": self._expires}

    def good(self, token: str, now: int) -> bool:
        return bool(token) and token == self._token and now < self._expires

    def forget(self) -> None:
        """Refuses from now on every token that was issued."""
        self._token, self._expires = "", 0


class Access:
    def __init__(self, tokens: Tokens, now: Callable[[], int]) -> None:
        self._tokens = tokens
        self._now = now

    def admitted(self, handler: Handler) -> Handler:
        """The handler behind a token: `Bearer …` or bare, as the live API takes both."""

        async def call(request: Request, **path: str) -> HTTPResponse:
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not self._tokens.good(token, self._now()):
                return failed("Unauthorized", status=401)
            return await handler(request, **path)

        return call
