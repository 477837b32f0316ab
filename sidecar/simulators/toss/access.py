"""The calls that the simulated Toss admits, and the answers that it repeats."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from sanic.response import json

from simulators.toss.errors import STATUSES, TossError, error_body

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from simulators.base import Handler
    from simulators.store import Store

Json = dict[str, Any]
Call = Callable[..., Coroutine[Any, Any, "Json | list[Json]"]]

_FIFTEEN_DAYS = 15 * 24 * 3600


class Access:
    """Checks the secret key and errors that are forced, and repeats answers by `Idempotency-Key`.

    Key and path decide, not the body: a key that is used for another payment gets the first one's
    answer, errors included.
    """

    def __init__(self, store: Store, secret_key: str, now: Callable[[], int]) -> None:
        self._store = store
        self._secret_key = secret_key
        self._now = now
        self._under_way: set[str] = set()
        self._tasks: set[asyncio.Task[Json]] = set()

    def admitted(self, call: Call) -> Handler:
        async def handle(request: Request, **path: str) -> HTTPResponse:
            try:
                self._check(request)
                # A call that has begun goes on, also for a caller who has stopped listening.
                answer = await asyncio.shield(self._begun(self._once(request, call, path)))
            except TossError as error:
                answer = _refusal(request, error.code)
            return json(answer["body"], status=answer["status"])

        return handle

    def _begun(self, work: Coroutine[Any, Any, Json]) -> asyncio.Task[Json]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _check(self, request: Request) -> None:
        problem = _key_problem(request.headers.get("authorization", ""), self._secret_key)
        forced = request.headers.get("tosspayments-test-code")
        if problem is None and forced and self._secret_key.startswith("test_"):
            problem = forced if forced in STATUSES else "INVALID_REQUEST"
        if problem is not None:
            raise TossError(problem)

    async def _once(self, request: Request, call: Call, path: dict[str, str]) -> Json:
        key = request.headers.get("idempotency-key")
        if key is None or request.method != "POST":
            return await _answer(request, call, path)
        name = f"{request.path} {key}"
        if not 1 <= len(key) <= 300:
            raise TossError("INVALID_IDEMPOTENCY_KEY")
        if name in self._under_way:
            raise TossError("IDEMPOTENT_REQUEST_PROCESSING")
        stored = self._store.get("replay", name)
        if stored is not None and self._now() - stored["at"] < _FIFTEEN_DAYS:
            return stored
        self._under_way.add(name)
        try:
            answer = await _answer(request, call, path)
            self._store.put("replay", name, {**answer, "at": self._now()})
        finally:
            self._under_way.discard(name)
        return answer


async def _answer(request: Request, call: Call, path: dict[str, str]) -> Json:
    try:
        return {"status": 200, "body": await call(request, **path)}
    except TossError as error:
        return _refusal(request, error.code)


def _refusal(request: Request, code: str) -> Json:
    body = error_body(code, request.headers.get("accept-language", ""))
    return {"status": STATUSES.get(code, 400), "body": body}


def _key_problem(authorization: str, secret_key: str) -> str | None:
    """Toss's code for credentials that are not `Basic base64("{secret key}:")`."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme != "Basic":
        return "UNAUTHORIZED_KEY"
    try:
        given = base64.b64decode(encoded, validate=True).decode("ascii")
    except ValueError:
        return "INVALID_API_KEY"
    if not given.endswith(":"):
        return "INCORRECT_BASIC_AUTH_FORMAT"
    return None if given == f"{secret_key}:" else "UNAUTHORIZED_KEY"
