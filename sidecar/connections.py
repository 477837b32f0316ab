"""Connections for `httpx` clients, made by aiohttp.

httpx's own stack parses and pools in Python, at several times the CPU time per request. Only
connections and wire format are aiohttp's here: headers, time-outs and errors stay httpx's.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

import aiohttp
import httpx
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Iterator

# The first that fits. What aiohttp may raise otherwise is an answer that is no HTTP.
_MEANINGS: tuple[tuple[type[aiohttp.ClientError], type[httpx.TransportError]], ...] = (
    (aiohttp.SocketTimeoutError, httpx.ReadTimeout),
    (aiohttp.ServerTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientConnectionError, httpx.ReadError),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.ClientError, httpx.RemoteProtocolError),
)

# More than a database has functions.
_ADDRESSES = 256


class HttpClient(httpx.AsyncClient):
    """Every request stands for itself: no cookie is kept, no redirect followed, no `auth` asked.

    httpx looks for all of these at every answer, for a fifth of what a request costs.
    """

    def __init__(self, limit: int = 100, **options: Any) -> None:  # noqa: ANN401 - httpx's own
        self._connections = Connections(limit)
        self._absolute = lru_cache(_ADDRESSES)(self._merge_url)
        super().__init__(transport=self._connections, **options)

    def build_request(
        self,
        method: str,
        url: httpx.URL | str,
        *,
        params: Any = None,  # noqa: ANN401 - httpx's own
        **options: Any,  # noqa: ANN401 - httpx's own
    ) -> httpx.Request:
        """Where nothing is added to an address it is parsed once, not thrice at every request."""
        if not params:
            url, params = self._absolute(str(url)), None
        return super().build_request(method, url, params=params, **options)

    async def send(self, request: httpx.Request, **_: object) -> httpx.Response:
        answer = await self._connections.handle_async_request(request)
        for look_at in self.event_hooks["response"]:
            await look_at(answer)
        return answer


class Connections(httpx.AsyncBaseTransport):
    """A pool of at most `limit`, opened with the first request. Bodies are sent and read whole."""

    def __init__(self, limit: int = 100) -> None:
        self._limit = limit
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        headers = [
            (name.decode(), value.decode())
            for name, value in request.headers.raw
            if name.lower() != b"transfer-encoding"
        ]
        with _httpx_errors():
            async with self._opened().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=headers,
                data=body or None,
                allow_redirects=False,
                timeout=_timeout(request),
            ) as answer:
                content = await answer.read()
        return httpx.Response(
            answer.status, headers=answer.raw_headers, content=content, request=request
        )

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        """Only within a running loop can it be made."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._limit, keepalive_timeout=5, ssl=httpx.create_ssl_context()
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=["Content-Type"],
                # It looks for a proxy at every request, which costs too much to do in vain.
                trust_env=bool(getproxies()),
            )
        return self._session


def _timeout(request: httpx.Request) -> aiohttp.ClientTimeout:
    seconds = request.extensions["timeout"]
    return aiohttp.ClientTimeout(
        connect=seconds["pool"], sock_connect=seconds["connect"], sock_read=seconds["read"]
    )


@contextmanager
def _httpx_errors() -> Iterator[None]:
    try:
        yield
    except aiohttp.ClientError as error:
        meaning = next(theirs for ours, theirs in _MEANINGS if isinstance(error, ours))
        raise meaning(str(error) or repr(error)) from error
