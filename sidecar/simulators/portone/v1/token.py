"""The token rule of PortOne V1: asked again, the same token; near its end, the same for longer."""

from __future__ import annotations

import secrets
from typing import Any

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
        """Every token out there is refused from now on."""
        self._token, self._expires = "", 0
