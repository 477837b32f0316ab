"""An `httpx` client whose connections are aiohttp's.

httpx's own connections take ten times the CPU time, since they parse and pool in Python. Headers,
time-outs and errors stay httpx's. Requests of plain bytes are put together here in one step, and
come out the same as httpx would make them. Only public parts of httpx are used.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

import aiohttp
import httpx
from yarl import URL

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    Looks = Mapping[str, list[Callable[[httpx.Response], Awaitable[None]]]]
    Header = tuple[bytes, bytes]

# The first match wins. The last row stands for an answer that is no HTTP.
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

# Addresses that are kept parsed. There are fewer RPCs than this.
_ADDRESSES = 256


class HttpClient(httpx.AsyncClient):
    """An `httpx.AsyncClient` that keeps no cookie, follows no redirect and asks no `auth`.

    httpx looks for all of these at every answer, which takes a fifth of a request's time. Addresses
    are absolute.
    """

    def __init__(
        self,
        limit: int = 100,
        *,
        timeout: float = 5,
        event_hooks: Looks | None = None,
    ) -> None:
        self._connections = Connections(limit)
        super().__init__(
            transport=self._connections,
            timeout=timeout,
            event_hooks=event_hooks,
        )

    def build_request(
        self,
        method: str,
        url: httpx.URL | str,
        *,
        params: Any = None,  # noqa: ANN401 - httpx's own
        headers: Any = None,  # noqa: ANN401 - httpx's own
        content: Any = None,  # noqa: ANN401 - httpx's own
        timeout: Any = httpx.USE_CLIENT_DEFAULT,  # noqa: ANN401 - httpx's own
        **others: Any,  # noqa: ANN401 - httpx's own
    ) -> httpx.Request:
        """The same as httpx would, which is asked where there is more than headers and bytes."""
        address = _address(_with_query(url, params))
        if not isinstance(content, bytes | None) or any(
            value is not None for value in others.values()
        ):
            return super().build_request(
                method, address, headers=headers, content=content, timeout=timeout, **others
            )
        bounds = self.timeout if timeout is httpx.USE_CLIENT_DEFAULT else httpx.Timeout(timeout)
        request = httpx.Request(
            method,
            address,
            headers=self._merged(headers, _framing(method, address, content or b"")),
            stream=httpx.ByteStream(content or b""),
            extensions={"timeout": bounds.as_dict()},
        )
        request.read()
        return request

    async def send(self, request: httpx.Request, **_: object) -> httpx.Response:
        answer = await self._connections.handle_async_request(request)
        for look_at in self.event_hooks["response"]:
            await look_at(answer)
        return answer

    def _merged(self, headers: Any, framing: list[Header]) -> list[Header]:  # noqa: ANN401 - httpx's own
        """The given headers, and those of every request that they do not name."""
        given = httpx.Headers(headers).raw
        named = {name.lower() for name, _ in given}
        rest = [each for each in (*framing, *self.headers.raw) if each[0].lower() not in named]
        return rest + given


@cache
def _certificates() -> ssl.SSLContext:
    """One for all pools: to read the certificates takes 25 ms of each start."""
    return httpx.create_ssl_context()


@lru_cache(_ADDRESSES)
def _address(url: str) -> httpx.URL:
    return httpx.URL(url)


def _with_query(url: httpx.URL | str, params: Any) -> str:  # noqa: ANN401 - httpx's own
    """As httpx has it, `params` take the place of a query. A fragment is never sent."""
    plain = str(url).partition("#")[0]
    return f"{plain.partition('?')[0]}?{httpx.QueryParams(params)}" if params else plain


def _framing(method: str, address: httpx.URL, content: bytes) -> list[Header]:
    """The headers that say where a request goes and how long it is."""
    host = (b"Host", address.netloc)
    if content or method.upper() in {"POST", "PUT", "PATCH"}:
        return [host, (b"Content-Length", b"%d" % len(content))]
    return [host]


class Answer(httpx.Response):
    """A response whose body is read already and not encoded, so that httpx looks for no decoder."""

    def __init__(
        self, status: int, headers: Sequence[Header], body: bytes, request: httpx.Request
    ) -> None:
        super().__init__(status, headers=headers, stream=httpx.ByteStream(body), request=request)
        self._body = body

    @property
    def content(self) -> bytes:
        return self._body


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
        try:
            async with self._opened().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=headers,
                data=body or None,
                allow_redirects=False,
                timeout=_timeout(request),
            ) as answer:
                content = await answer.read()
        except aiohttp.ClientError as error:
            raise _meaning(error) from error
        if "content-encoding" in answer.headers:
            return httpx.Response(
                answer.status, headers=answer.raw_headers, content=content, request=request
            )
        return Answer(answer.status, answer.raw_headers, content, request)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        """Only within a running loop can it be made."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._limit, keepalive_timeout=5, ssl=_certificates()
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


def _meaning(error: aiohttp.ClientError) -> httpx.TransportError:
    meaning = next(theirs for ours, theirs in _MEANINGS if isinstance(error, ours))
    return meaning(str(error) or repr(error))
