"""Calls to a gateway: bounded in time, and every way of not answering told apart from an answer."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import structlog
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from sidecar.errors import GatewayTimeout, GatewayUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger(__name__)

T = TypeVar("T")

PATIENT_ATTEMPTS = 8


class GatewayHttp:
    """One gateway's address over the shared pool. `timeout` bounds a whole call, in seconds."""

    def __init__(self, client: httpx.AsyncClient, base_url: str, timeout: float) -> None:
        self._client = client
        self._base_url = base_url
        self._timeout = timeout

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
        """The answer, unless it is a 5xx or none. `path` must be percent-encoded already."""
        response = await self.answer(method, path, **options)
        if response.status_code >= 500 or response.status_code == 429:
            log.warning("gateway_failing", method=method, path=path, status=response.status_code)
            raise GatewayUnavailable
        return response

    async def answer(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Any answer, for whoever has to know what a 5xx says."""
        try:
            # httpx bounds each read, so a gateway that drips bytes would never time out.
            async with asyncio.timeout(self._timeout):
                return await self._client.request(method, self._base_url + path, **options)
        except (TimeoutError, httpx.TimeoutException) as error:
            log.warning("gateway_timeout", method=method, path=path)
            raise GatewayTimeout from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.warning("gateway_unreachable", method=method, path=path, error=repr(error))
            raise GatewayUnavailable from error


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """For work that nobody waits for: a gateway that fails is asked again, for some minutes."""
    retrying = AsyncRetrying(
        retry=retry_if_exception(_may_pass),
        wait=wait_random_exponential(multiplier=1, max=60),
        stop=stop_after_attempt(PATIENT_ATTEMPTS),
        reraise=True,
    )
    return await retrying(_awaited, call)


async def _awaited(call: Callable[[], Awaitable[T]]) -> T:
    return await call()


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, GatewayUnavailable) and error.code != "gateway_nonsense"


def json_object(response: httpx.Response) -> dict[str, Any]:
    """The body as a JSON object, its decimals exact; anything else is nonsense."""
    body = _json(response)
    if not isinstance(body, dict):
        raise nonsense("not a JSON object", status=response.status_code)
    return body


def json_array(response: httpx.Response) -> list[Any]:
    """The body as a JSON array, as `json_object` does."""
    body = _json(response)
    if not isinstance(body, list):
        raise nonsense("not a JSON array", status=response.status_code)
    return body


def _json(response: httpx.Response) -> object:
    try:
        return json.loads(response.content, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def nonsense(why: str, **context: object) -> GatewayUnavailable:
    """An answer nobody can act on. Treated like none: unknown, so nothing changes."""
    log.error("gateway_nonsense", why=why, **context)
    return GatewayUnavailable(code="gateway_nonsense")


def _no_constant(name: str) -> None:
    message = f"{name} is not JSON"
    raise ValueError(message)
