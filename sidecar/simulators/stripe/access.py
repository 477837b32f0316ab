"""The calls that Stripe's API admits, and the answers that it repeats by Idempotency-Key."""

from __future__ import annotations

from json import loads
from typing import TYPE_CHECKING

from sanic.response import json

from simulators.stripe.errors import Refusal
from simulators.stripe.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from sanic import HTTPResponse, Request

    from simulators.base import Handler
    from simulators.store import Store

_LONGEST_KEY = 255
_KEPT_SECONDS = 24 * 3600
"""Stripe keeps a key for a day at least: no longer is to be relied on."""


class Access:
    def __init__(self, store: Store, secret_key: str, now: Callable[[], int]) -> None:
        self._store = store
        self._secret_key = secret_key
        self._now = now
        self._under_way: set[str] = set()

    def admitted(self, handler: Handler) -> Handler:
        """The handler behind the secret key; its answers have the headers of every answer."""

        async def call(request: Request, **path: str) -> HTTPResponse:
            given = request.headers.get("authorization", "")
            response = (
                await handler(request, **path)
                if given == f"Bearer {self._secret_key}"
                else answered(_unauthenticated(given))
            )
            response.headers["Request-Id"] = new_id("req")
            if "stripe-version" in request.headers:
                response.headers["Stripe-Version"] = request.headers["stripe-version"]
            return response

        return call

    def once(self, handler: Handler) -> Handler:
        """The handler, run once for each key: its first answer is given again, errors included.

        A refusal before anything was done is not kept.
        """

        async def call(request: Request, **path: str) -> HTTPResponse:
            key = request.headers.get("idempotency-key")
            if request.method != "POST" or not key:
                return await handler(request, **path)
            repeated = self._repeated(key, _fingerprint(request))
            if repeated is not None:
                return repeated
            self._under_way.add(key)
            try:
                response = await handler(request, **path)
                self._remember(key, request, response)
            finally:
                self._under_way.discard(key)
            return response

        return call

    def recorded(self, handler: Handler) -> Handler:
        """The handler, whose own answer is noted even where a fault spoils it on its way."""

        async def call(request: Request, **path: str) -> HTTPResponse:
            request.ctx.kept = True
            try:
                response = await handler(request, **path)
            except Refusal as refusal:
                request.ctx.kept = refusal.kept
                response = answered(refusal)
            request.ctx.answer = response
            return response

        return call

    def worded(self, handler: Handler) -> Handler:
        """The handler; a fault that answers in its place is worded as Stripe words it."""

        async def call(request: Request, **path: str) -> HTTPResponse:
            response = await handler(request, **path)
            if response.status in _FAILURES:
                return json({"error": _FAILURES[response.status]}, status=response.status)
            return response

        return call

    def _repeated(self, key: str, fingerprint: str) -> HTTPResponse | None:
        if len(key) > _LONGEST_KEY:
            return answered(
                Refusal(400, type="invalid_request_error", message="Idempotency key is too long.")
            )
        if key in self._under_way:
            return answered(_in_use())
        known = self._store.get("idempotency", key)
        if known is None or self._now() - known["at"] >= _KEPT_SECONDS:
            return None
        if known["fingerprint"] != fingerprint:
            return answered(_reused(key))
        headers = {"Idempotent-Replayed": "true", "Original-Request": new_id("req")}
        return json(known["body"], status=known["status"], headers=headers)

    def _remember(self, key: str, request: Request, response: HTTPResponse) -> None:
        done: HTTPResponse | None = getattr(request.ctx, "answer", None)
        # A server error counts as the call's own answer. Other faults only spoilt the answer.
        told = response if response.status == 500 else done
        if told is None or (told is done and not request.ctx.kept):
            return
        entry = {"fingerprint": _fingerprint(request), "status": told.status, "at": self._now()}
        self._store.put("idempotency", key, {**entry, "body": loads(told.body or b"null")})


_FAILURES = {
    429: {
        "type": "invalid_request_error",
        "code": "rate_limit",
        "message": "Request rate limit exceeded.",
    },
    500: {"type": "api_error", "message": "An unknown error occurred."},
}


def answered(refusal: Refusal) -> HTTPResponse:
    return json(refusal.body, status=refusal.status)


def _fingerprint(request: Request) -> str:
    return f"{request.path}?{request.body.decode('utf-8', 'replace')}"


def _unauthenticated(given: str) -> Refusal:
    key = given.removeprefix("Bearer ")
    message = (
        f"Invalid API Key provided: {key[:8]}****{key[-4:]}"
        if key
        else "You did not provide an API key."
    )
    return Refusal(401, type="invalid_request_error", message=message)


def _in_use() -> Refusal:
    return Refusal(
        409,
        type="invalid_request_error",
        code="idempotency_key_in_use",
        message="There is currently another in-progress request using this Idempotent Key.",
    )


def _reused(key: str) -> Refusal:
    return Refusal(
        400,
        type="idempotency_error",
        message="Keys for idempotent requests can only be used with the same parameters they were "
        f"first used with. Try using a key other than '{key}' if you meant to execute a different "
        "request.",
    )
