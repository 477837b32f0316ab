"""The sidecar's HTTP client against httpx's own: requests, answers, failures."""

from __future__ import annotations

import asyncio
import gzip
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from coinslot.http_client import HttpClient
from tests.support.servers import address, listening_socket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    HeaderTypes = httpx.Headers | dict[str, str] | list[tuple[str, str]] | None

    Talk = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LAST = OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n")


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    """`talk` is given each request's head and hangs up by closing; bodies are left unread."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                await talk(await reader.readuntil(b"\r\n\r\n"), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    sock = listening_socket()
    running = await asyncio.start_server(serve, sock=sock)
    try:
        yield address(sock)
    finally:
        running.close()


@asynccontextmanager
async def client(limit: int = 100, seconds: float = 0.3) -> AsyncIterator[httpx.AsyncClient]:
    async with HttpClient(limit, timeout=seconds) as http:
        yield http


def answering(*parts: bytes, close: bool = False) -> Talk:
    async def talk(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(parts))
        if close:
            writer.close()

    return talk


async def silent(_head: bytes, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    ("talk", "error"),
    [
        (answering(close=True), httpx.RemoteProtocolError),
        (answering(b"220 mail.example ESMTP\r\n\r\n", close=True), httpx.RemoteProtocolError),
        (answering(OK[:-1], close=True), httpx.RemoteProtocolError),
        (answering(OK[:20], close=True), httpx.RemoteProtocolError),
        (answering(OK.replace(b"OK", b"O" * 100_000)), httpx.RemoteProtocolError),
        (answering(OK[:-1]), httpx.ReadTimeout),
        (silent, httpx.ReadTimeout),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_every_way_of_not_answering_is_httpx_s_own(
    talk: Talk, error: type[httpx.HTTPError], method: str
) -> None:
    async with server(talk) as url, client() as http:
        with pytest.raises(error):
            await http.request(method, url)


async def test_nobody_there_is_no_time_out() -> None:
    with listening_socket() as nobody:
        async with client() as http:
            with pytest.raises(httpx.ConnectError):
                await http.get(address(nobody))


async def test_waiting_for_a_free_connection_ends() -> None:
    heard = asyncio.Event()

    async def hold(_head: bytes, _writer: asyncio.StreamWriter) -> None:
        heard.set()
        await asyncio.sleep(60)

    async with server(hold) as url, client(limit=1) as http:
        holding = asyncio.create_task(http.get(url, timeout=60))
        await heard.wait()
        with pytest.raises(httpx.TimeoutException):
            await http.get(url)
        holding.cancel()


async def test_one_connection_serves_one_after_the_other_and_is_replaced_when_it_ended() -> None:
    connections = set()

    async def talk(head: bytes, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        await answering(LAST if b"/last" in head else OK)(head, writer)

    async with server(talk) as url, client() as http:
        for path in ("/", "/", "/last"):
            assert (await http.post(url + path)).json() == {}
        assert len(connections) == 1
        assert (await http.post(url)).status_code == 200
        assert len(connections) == 2


async def test_request_goes_out_as_httpx_made_it() -> None:
    heads = []

    async def talk(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head.decode())
        writer.write(LAST)
        writer.close()

    async with server(talk) as url, client() as http:
        await http.post(f"{url}/a%2Fb%20c#d", params={"at": 'lt."x+y"'}, headers={"X-Own": "1"})
        await http.post(url, content=b"raw")
        await http.post(url, content=_pieces())
    plain, raw, pieces = heads
    assert plain.startswith("POST /a%2Fb%20c?at=lt.%22x%2By%22 HTTP/1.1\r\n")
    assert "\r\nX-Own: 1\r\n" in plain
    assert plain.count("Host: ") == plain.count("User-Agent: python-httpx") == 1
    assert "Content-Length: 0" in plain
    assert "Content-Length: 3" in raw
    assert "Content-Type" not in raw
    assert "Content-Length: 6" in pieces
    assert "Transfer-Encoding" not in pieces


async def test_answer_is_httpx_s_own() -> None:
    body = gzip.compress(b'{"a": 1}')
    head = (
        "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
        f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    async with server(answering(head.encode(), body)) as url, client() as http:
        answer = await http.get(url)
    assert (answer.status_code, answer.json()) == (302, {"a": 1})
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert str(answer.request.url) == url


async def test_answer_in_chunks_is_read_whole() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with server(answering(head, b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")) as url, client() as http:
        assert (await http.get(url)).json() == {}


async def _pieces() -> AsyncIterator[bytes]:
    yield b"raw"
    yield b"raw"


@pytest.mark.parametrize(
    ("address", "params"),
    [
        ("http://database.example/rest/v1/rpc/spend", None),
        ("http://database.example/rest/v1/rpc/spend", {}),
        ("http://database.example/rest/v1/rows?select=id", None),
        ("http://database.example/rest/v1/rows", {"order": "seq.desc", "limit": "2"}),
        ("http://database.example/rest/v1/rows?select=id", {"limit": "2"}),
        ("https://gateway.example/v1/payments/a%2Fb", None),
        ("https://gateway.example/v1/토큰?q=가", None),
    ],
)
async def test_addresses_are_those_of_httpx(address: str, params: dict[str, str] | None) -> None:
    """The second time, too, when it comes from memory."""
    async with httpx.AsyncClient() as theirs, HttpClient() as ours:
        wanted = theirs.build_request("POST", address, params=params, headers={"a": "b"}, json={})
        for _ in range(2):
            built = ours.build_request("POST", address, params=params, headers={"a": "b"}, json={})
            assert (built.url, built.headers) == (wanted.url, wanted.headers)
            plain = ours.build_request("GET", address, params=params)
            assert plain.url == wanted.url


@pytest.mark.parametrize("method", ["GET", "POST", "patch", "DELETE"])
@pytest.mark.parametrize("content", [None, b"", b"raw", "글"])
@pytest.mark.parametrize(
    "headers",
    [
        None,
        {"Authorization": "Bearer x", "accept": "text/csv", "X-Name": "a, b"},
        {"host": "other.example", "content-length": "3", "User-Agent": "ours"},
        [("x-twice", "1"), ("X-Twice", "2")],
        httpx.Headers({"Connection": "close", "Accept-Profile": "public"}),
    ],
)
async def test_requests_are_those_of_httpx(
    method: str, content: bytes | str | None, headers: HeaderTypes
) -> None:
    url = "http://database.example/rest/v1/rpc/spend"
    async with httpx.AsyncClient(timeout=3) as theirs, HttpClient(timeout=3) as ours:
        wanted, built = (
            each.build_request(method, url, content=content, headers=headers)
            for each in (theirs, ours)
        )
    assert (built.method, built.url) == (wanted.method, wanted.url)
    assert built.headers == wanted.headers
    assert (await built.aread(), built.content) == (await wanted.aread(), wanted.content)
    assert built.extensions == wanted.extensions


@pytest.mark.parametrize("bounds", [None, 7, httpx.Timeout(7, read=60)])
async def test_time_out_of_one_request_is_its_own(bounds: float | httpx.Timeout | None) -> None:
    url = "http://database.example"
    async with httpx.AsyncClient(timeout=3) as theirs, HttpClient(timeout=3) as ours:
        wanted, built = (each.build_request("GET", url, timeout=bounds) for each in (theirs, ours))
    assert built.extensions == wanted.extensions


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        (b"application/json", b'{"a": "\xea\xb0\x80"}', '{"a": "가"}'),
        (b"text/plain; charset=euc-kr", "가".encode("euc-kr"), "가"),
        (b"application/json", b"", ""),
    ],
)
async def test_what_is_read_of_an_answer_is_what_httpx_reads(
    kind: bytes, body: bytes, text: str
) -> None:
    head = b"HTTP/1.1 404 Not Found\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    async with server(answering(head % (kind, len(body)), body)) as url, client() as http:
        answer = await http.get(url)
    assert (answer.content, await answer.aread(), answer.read()) == (body, body, body)
    assert answer.text == text
    assert not answer.is_success
    with pytest.raises(httpx.HTTPStatusError):
        answer.raise_for_status()
