"""Calls to a gateway: bounded in time, and every way of not answering told apart from an answer.

A read that fails at once is made a second time after a moment, within the same bound. So is any
call that found no connection: the gateway cannot have heard of it. Every other call is made once. A
fresh read then tells what became of money that moves, and a call with an idempotency key is
repeated by the schedule of its kind.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import structlog
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from coinslot.errors import GatewayTimeout, GatewayUnavailable
from coinslot.traces import span

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger(__name__)

T = TypeVar("T")

PATIENT_ATTEMPTS = 8

TRIES = 2
# Until the second try, by chance: calls that fail together are not repeated together.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 0.5


class GatewayUnreached(GatewayUnavailable):
    """There was no connection, so it has heard of nothing."""


class GatewayUnreadable(GatewayUnavailable):
    """It answered, and nobody can act on what was said."""

    code = "gateway_nonsense"


class GatewayNonsense(GatewayUnreadable):
    """Said by the gateway itself, in JSON: asking again brings the same, and about other payments
    it may make sense."""


class NotTheGateway(GatewayUnreadable):
    """No JSON of the gateway's, under any status: from a proxy before it."""


class GatewayHttp:
    """One gateway's address over the shared pool. `timeout` bounds a whole call, in seconds."""

    def __init__(self, client: httpx.AsyncClient, base_url: str, timeout: float) -> None:
        self._client = client
        self._base_url = base_url
        self.timeout = timeout

    async def request(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool = False,
        **options: Any,  # noqa: ANN401
    ) -> httpx.Response:
        """The answer, unless it is a 5xx or none. `path` must be percent-encoded already.
        `repeatable`: asking twice is as good as asking once, which it always is of a GET."""

        async def ask() -> httpx.Response:
            response = await self._sent(method, path, **options)
            if response.status_code >= 500 or response.status_code == 429:
                raise _failing(method, path, response)
            return response

        return await self._in_time(ask, repeatable=repeatable or method == "GET")

    async def answer(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Any answer, for whoever has to know what a 5xx says."""
        return await self._in_time(lambda: self._sent(method, path, **options), repeatable=False)

    async def _in_time(
        self, ask: Callable[[], Awaitable[httpx.Response]], *, repeatable: bool
    ) -> httpx.Response:
        try:
            # httpx bounds each read, so a gateway that drips bytes would never time out.
            async with asyncio.timeout(self.timeout) as bound:
                for _ in range(TRIES - 1):
                    try:
                        return await ask()
                    except GatewayUnavailable as failure:
                        pause = max(failure.retry_after, _moment())
                        again = repeatable or isinstance(failure, GatewayUnreached)
                        if not again or pause >= _left(bound):
                            raise
                    await asyncio.sleep(pause)
                return await ask()
        except TimeoutError as error:
            log.warning("gateway_timeout", address=self._base_url)
            raise GatewayTimeout from error

    async def _sent(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
        try:
            with span(f"HTTP {method}", address=self._base_url):
                return await self._client.request(method, self._base_url + path, **options)
        except httpx.TimeoutException as error:
            raise TimeoutError from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.warning("gateway_unreachable", method=method, path=path, error=repr(error))
            unreached = isinstance(error, httpx.ConnectError)
            raise (GatewayUnreached if unreached else GatewayUnavailable) from error


def _moment() -> float:
    return random.uniform(_SHORTEST_PAUSE, _LONGEST_PAUSE)  # noqa: S311 - not secret


def _left(bound: asyncio.Timeout) -> float:
    return (bound.when() or 0.0) - asyncio.get_running_loop().time()


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """For work that nobody waits for: a gateway that fails is asked again, for some minutes."""
    retrying = AsyncRetrying(
        retry=retry_if_exception(_may_pass),
        wait=_patience,
        stop=stop_after_attempt(PATIENT_ATTEMPTS),
        reraise=True,
    )
    return await retrying(_awaited, call)


_growing = wait_random_exponential(multiplier=1, max=60)


def _patience(state: RetryCallState) -> float:
    """The seconds to wait: as many as the gateway asks for, within a minute."""
    failure = state.outcome.exception() if state.outcome else None
    asked = failure.retry_after if isinstance(failure, GatewayUnavailable) else 0.0
    return max(_growing(state), min(asked, 60.0))


def _failing(method: str, path: str, response: httpx.Response) -> GatewayUnavailable:
    log.warning("gateway_failing", method=method, path=path, status=response.status_code)
    failure = GatewayUnavailable()
    failure.retry_after = _retry_after(response)
    return failure


def _retry_after(response: httpx.Response) -> float:
    """Seconds; a date, which gateways do not send, counts as nothing said."""
    given = response.headers.get("retry-after", "")
    return float(given) if re.fullmatch(r"\d{1,5}", given) else 0.0


async def _awaited(call: Callable[[], Awaitable[T]]) -> T:
    return await call()


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, GatewayUnavailable) and not isinstance(error, GatewayNonsense)


def json_object(response: httpx.Response) -> dict[str, Any]:
    """The body as a JSON object, its decimals exact; anything else is not the gateway's."""
    body = _json(response)
    if not isinstance(body, dict):
        raise _not_json("object", response)
    return body


def json_array(response: httpx.Response) -> list[Any]:
    """The body as a JSON array, as `json_object` does."""
    body = _json(response)
    if not isinstance(body, list):
        raise _not_json("array", response)
    return body


def _json(response: httpx.Response) -> object:
    try:
        return json.loads(response.content, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def _not_json(kind: str, response: httpx.Response) -> NotTheGateway:
    log.error("gateway_nonsense", why=f"not a JSON {kind}", status=response.status_code)
    return NotTheGateway()


def nonsense(why: str, **context: object) -> GatewayNonsense:
    """An answer nobody can act on. Treated like none: unknown, so nothing changes."""
    log.error("gateway_nonsense", why=why, **context)
    return GatewayNonsense()


def _no_constant(name: str) -> None:
    message = f"{name} is not JSON"
    raise ValueError(message)
