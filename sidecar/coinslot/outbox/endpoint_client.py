"""One POST to an endpoint: its address judged at the connection, its answer bounded.

Redirects are not followed, proxies of the environment are not used, and no connection is used
twice: a kept one would skip the check.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from coinslot.single_flight import SingleFlight
from coinslot.text import storable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from coinslot.outbox.addresses import AddressRules

# Characters of an answer that are kept, and bytes that are read of it.
_KEPT = 500
_READ = 65_536
# Names that are looked up at a time. Each endpoint's waits for no other's.
_LOOKUPS = 20


class _AddressError(OSError):
    """A name that stands for an address which is not to be called."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of one try. `status` is None where none came; `error` is a token, empty where it
    arrived. `retry_after` is in seconds."""

    status: int | None = None
    error: str = ""
    text: str = ""
    retry_after: int | None = None

    @property
    def arrived(self) -> bool:
        return not self.error


class EndpointClient:
    """Calls endpoints until `close()`. `seconds` bound a call from its first byte to its last."""

    def __init__(self, rules: AddressRules, seconds: float) -> None:
        self._rules = rules
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None
        self._resolver: _Resolver | None = None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raises nothing of what an endpoint, or the way to it, does."""
        try:
            self._rules.check_url(url)
            async with asyncio.timeout(self._seconds):
                return await self._post(url, headers, body)
        except TimeoutError:
            return Answer(error="timeout")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(error=_token(error))
        except Exception as error:  # noqa: BLE001 - an endpoint's answer must not end the loop
            return Answer(error=getattr(error, "code", "unreachable"))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
        if self._resolver is not None:
            await self._resolver.close()

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        async with self._opened().post(
            URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
        ) as answer:
            text = await _beginning(answer)
            return Answer(
                answer.status,
                _error_of(answer.status),
                text,
                _seconds_in(answer.headers.get("retry-after", "")),
            )

    def _opened(self) -> aiohttp.ClientSession:
        """Only within a running loop can it be made."""
        if self._session is None:
            self._resolver = _Resolver(self._rules)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,
                    force_close=True,
                    use_dns_cache=False,
                    resolver=self._resolver,
                    socket_factory=self._socket,
                    ssl=httpx.create_ssl_context(trust_env=False),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None),
                trust_env=False,
                headers={"User-Agent": "coinslot"},
            )
        return self._session

    def _socket(self, address: tuple[Any, ...]) -> socket.socket:
        """A socket for the address that is about to be dialled: judged at the last moment."""
        family, kind, protocol, _, target = address
        if not self._rules.allows(str(target[0])):
            raise _AddressError("address_refused")
        return socket.socket(family, kind, protocol)


class _Resolver(AbstractResolver):
    """Looks a name up at each connection. One address that is refused refuses all of them."""

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="endpoint-lookup")
        self._lookups: SingleFlight[list[Any]] = SingleFlight()

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - both, whatever is asked
    ) -> list[ResolveResult]:
        found = await self._lookups.run((host, port), lambda: self._looked_up(host, port))
        if not all(self._rules.allows(str(each[4][0])) for each in found):
            raise _AddressError("address_refused")
        return [
            ResolveResult(
                hostname=host,
                host=str(target[0]),
                port=target[1],
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, protocol, _, target in found
            if kind in {socket.AF_INET, socket.AF_INET6}
        ]

    async def close(self) -> None:
        await self._lookups.drain(0)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _looked_up(self, host: str, port: int) -> list[Any]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads,
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM),
        )


async def _beginning(answer: aiohttp.ClientResponse) -> str:
    """The first characters. What is longer than anybody needs is not waited for."""
    read = bytearray()
    async for part in answer.content.iter_chunked(4096):
        read += part
        if len(read) >= _READ:
            answer.close()
            break
    return storable(bytes(read[: 4 * _KEPT]).decode("utf-8", "replace"))[:_KEPT]


def _error_of(status: int) -> str:
    if 200 <= status < 300:
        return ""
    return "redirect" if 300 <= status < 400 else "refused"


def _seconds_in(header: str) -> int | None:
    """Of a date, as some servers send, nothing is made."""
    return int(header) if header.isascii() and header.isdigit() and len(header) < 7 else None


def _token(error: BaseException) -> str:
    causes = list(_causes(error))
    if any(isinstance(each, _AddressError) for each in causes):
        return "address_refused"
    if any(isinstance(each, ssl.SSLError | ssl.CertificateError) for each in causes):
        return "certificate_refused"
    if any(isinstance(each, socket.gaierror) for each in causes):
        return "name_unknown"
    lost = isinstance(error, aiohttp.ClientConnectionError | OSError)
    return "unreachable" if lost else "nonsense"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what led to it."""
    while error is not None:
        yield error
        within = getattr(error, "os_error", None)
        if isinstance(within, BaseException):
            yield within
        error = error.__cause__ or error.__context__
