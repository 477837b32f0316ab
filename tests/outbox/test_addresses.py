"""The addresses that events may be sent to, and every known way around that."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from coinslot.outbox.addresses import AddressRefused, AddressRules
from coinslot.outbox.endpoint_client import EndpointClient
from coinslot.settings.deployment import SettingsError
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LIVE, TEST = AddressRules(live=True), AddressRules(live=False)
NOT_PUBLIC = (
    *("10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200"),
    *("224.0.0.1", "255.255.255.255", "192.0.0.192", "192.88.99.1", "198.18.0.1", "240.0.0.1"),
    "0.0.0.0",  # noqa: S104 - to be refused
    *("::ffff:10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::1", "2001::1", "fc00::1"),
    *("fe80::1", "fec0::1", "ff02::1", "::", "::10.0.0.1", "100::1", "fe80::1%eth0"),
)
LOOPBACK = ("127.0.0.1", "127.9.9.9", "::1")
# What resolvers, and not Python, take for 127.0.0.1.
ODD_NUMBERS = ("127.1", "0x7f000001", "2130706433", "017700000001")


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
def test_public_ones_are_taken(address: str) -> None:
    assert LIVE.allows(address)
    assert TEST.allows(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_public_is_refused_in_either_mode(address: str) -> None:
    assert not LIVE.allows(address)
    assert not TEST.allows(address)


@pytest.mark.parametrize("address", LOOPBACK)
def test_this_machine_is_taken_in_test_mode_alone(address: str) -> None:
    assert TEST.allows(address)
    assert not LIVE.allows(address)


def test_a_network_that_is_named_is_taken() -> None:
    named = settings(coinslot_endpoint_networks="10.0.0.0/8, fd00::/8").endpoint_networks
    rules = AddressRules(live=True, networks=named)
    assert rules.allows("10.1.2.3")
    assert rules.allows("fd00::1")
    assert not rules.allows("192.168.1.1")
    with pytest.raises(SettingsError, match="COINSLOT_ENDPOINT_NETWORKS"):
        settings(coinslot_endpoint_networks="10.0.0.1/8")


@pytest.mark.parametrize(
    "url",
    [
        *("https://u:p@example.com/", "https://example.com/#a", "ftp://example.com/", "https:///a"),
        *(
            "//example.com",
            "https://exa mple.com/",
            "https://example.com:0/",
            "https://ex\nample.com",
        ),
        *(
            "https://example.com:99999/",
            "https://10.0.0.1/",
            "https://[fe80::1]/",
            "https://é.com/",
        ),
        "https://example.com/" + "a" * 2048,
    ],
)
def test_what_is_no_address_of_an_endpoint_is_refused(url: str) -> None:
    for rules in (LIVE, TEST):
        with pytest.raises(AddressRefused):
            rules.check_url(url)


def test_plain_http_is_taken_in_test_mode_alone() -> None:
    TEST.check_url("http://127.0.0.1:8020/hooks")
    with pytest.raises(AddressRefused):
        LIVE.check_url("http://example.com/hooks")


# ---- at the connection ----


@asynccontextmanager
async def client(rules: AddressRules, seconds: float = 5) -> AsyncIterator[EndpointClient]:
    made = EndpointClient(rules, seconds)
    try:
        yield made
    finally:
        await made.close()


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Has every name stand for these addresses, one answer after the other; what was looked up."""
    asked: list[str] = []
    left = list(answers)

    def looked_up(host: str, port: int, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        found = left.pop(0) if len(left) > 1 else left[0]
        kinds = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(kinds[":" in each], socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    return asked


@pytest.mark.parametrize("number", ODD_NUMBERS)
async def test_numbers_that_a_resolver_takes_for_this_machine(number: str) -> None:
    async with client(LIVE) as calls:
        answer = await calls.post(f"https://{number}/", {}, b"{}")
        assert answer.error in {"address_refused", "name_unknown", "nonsense"}
        assert answer.status is None


async def test_a_name_with_a_public_and_a_private_address(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    async with client(LIVE) as calls:
        assert (await calls.post("https://both.test/", {}, b"{}")).error == "address_refused"


async def test_a_name_that_changes_between_two_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = names(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
    async with (
        serving(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as port,
        client(TEST) as calls,
    ):
        first = await calls.post(f"http://moves.test:{port}/", {}, b"{}")
        second = await calls.post(f"http://moves.test:{port}/", {}, b"{}")
    assert (first.status, first.text, second.error) == (200, "ok", "address_refused")
    assert asked == ["moves.test", "moves.test"]


async def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    said = b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 1_000_000
    async with serving(said, hold=True) as port, client(TEST) as calls:
        answer = await calls.post(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert answer.arrived
    assert answer.text == "a" * 500


async def test_one_that_says_yes_too_late_has_not_said_it() -> None:
    """It is told again, and knows the event by its id."""
    late = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await late.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with (
        await asyncio.start_server(serve, "127.0.0.1", 0) as server,
        client(TEST, 0.3) as calls,
    ):
        port = server.sockets[0].getsockname()[1]
        answer = await calls.post(f"http://127.0.0.1:{port}/", {}, b"{}")
        late.set()
    assert (answer.status, answer.error) == (None, "timeout")


async def test_one_that_stalls_is_given_up() -> None:
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
    async with serving(said, hold=True) as port, client(TEST, 0.3) as calls:
        assert (await calls.post(f"http://127.0.0.1:{port}/", {}, b"{}")).error == "timeout"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Odd: ",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_one_that_drips_for_ever_is_given_up(head: bytes) -> None:
    """It ends when its time is over, however often something comes."""
    gone = asyncio.Event()
    drip = b"1\r\na\r\n" if b"chunked" in head else b"a" if b"Odd" in head else head

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        with suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(drip)
                await writer.drain()
                await asyncio.sleep(0.02)
        gone.set()

    async with (
        await asyncio.start_server(serve, "127.0.0.1", 0) as server,
        client(TEST, 0.3) as calls,
        asyncio.timeout(5),
    ):
        port = server.sockets[0].getsockname()[1]
        assert (await calls.post(f"http://127.0.0.1:{port}/", {}, b"{}")).error == "timeout"
        await gone.wait()


async def test_ten_megabytes_are_not_taken() -> None:
    """The rest is left in the network, and the connection is closed."""
    size, sent = 10_000_000, 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 500 No\r\nContent-Length: {size}\r\n\r\n".encode())
        with suppress(ConnectionError):
            for _ in range(size // 10_000):
                writer.write(b"a" * 10_000)
                await writer.drain()
                sent += 10_000

    async with (
        await asyncio.start_server(serve, "127.0.0.1", 0) as server,
        client(TEST) as calls,
    ):
        port = server.sockets[0].getsockname()[1]
        answer = await calls.post(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert (answer.status, answer.error, len(answer.text)) == (500, "refused", 500)
    assert sent < size


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"no http at all\r\n\r\n", "nonsense"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n",
            "redirect",
        ),
        (
            b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
            "redirect",
        ),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", "redirect"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "refused"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", "nonsense"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "nonsense"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "refused"),
        (b"", "unreachable"),
    ],
)
async def test_what_is_no_success(said: bytes, error: str) -> None:
    async with serving(said) as port, client(TEST) as calls:
        assert (await calls.post(f"http://127.0.0.1:{port}/", {}, b"{}")).error == error


async def test_nobody_listens() -> None:
    async with client(TEST) as calls:
        assert (await calls.post("http://127.0.0.1:1/", {}, b"{}")).error == "unreachable"


async def test_time_that_is_asked_for() -> None:
    said = b"HTTP/1.1 503 No\r\nRetry-After: 120\r\nContent-Length: 4\r\n\r\n\x00\xff\r\n"
    async with serving(said) as port, client(TEST) as calls:
        answer = await calls.post(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert answer.retry_after == 120
    assert "\x00" not in answer.text


@asynccontextmanager
async def serving(said: bytes, *, hold: bool = False) -> AsyncIterator[int]:
    """A server that says this to whoever comes, and keeps the connection if it is to hold."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        if hold:
            await over.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        over.set()
        server.close()
