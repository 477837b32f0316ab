"""A name that stands for a public address when it is looked at, and for an inward one when it is
dialled (DNS rebinding): nothing reaches the inner one, not even a connection."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from coinslot.outbox.addresses import AddressRules
from coinslot.outbox.endpoint_client import Answer, EndpointClient
from devstack.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PUBLIC = "8.8.8.8"
# The second reaches a server on 127.0.0.1, and so does the third from a network with NAT64.
INWARD = ("127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "169.254.169.254")


@dataclass(frozen=True)
class Forgetful(AddressRules):
    """Takes whatever it is asked about first, as often as there are `looks`."""

    looks: list[int] = field(default_factory=list)

    def allows(self, text: str) -> bool:
        if self.looks:
            self.looks.pop()
            return True
        return super().allows(text)


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every address that a connection is begun to. The public one is not left to be reached."""
    seen: list[str] = []
    connect = asyncio.SelectorEventLoop.sock_connect

    async def noted(loop: Any, sock: socket.socket, address: Any) -> None:  # noqa: ANN401 - asyncio's
        seen.append(address[0])
        if address[0] == PUBLIC:
            raise ConnectionRefusedError
        await connect(loop, sock, address)

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", noted)
    return seen


def answers(monkeypatch: pytest.MonkeyPatch, *found: str) -> None:
    """Has every name stand for these, one lookup after the other, and for the last one from then
    on."""
    left = list(found)

    def looked_up(_: str, port: int, *__: object, **___: object) -> list[Any]:
        now = left.pop(0) if len(left) > 1 else left[0]
        family = socket.AF_INET6 if ":" in now else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (now, port))]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)


@asynccontextmanager
async def within() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on this machine: its port, and what came with each connection."""
    came: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.read(1))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], came


async def posted(rules: AddressRules, port: int, times: int = 1) -> list[Answer]:
    calls = EndpointClient(rules, 2)
    try:
        url = f"https://moves.test:{port}/hooks"
        return [await calls.post(url, {}, b"{}") for _ in range(times)]
    finally:
        await calls.close()


@pytest.mark.parametrize("inward", INWARD)
async def test_a_name_that_is_public_at_the_first_call_alone(
    monkeypatch: pytest.MonkeyPatch, dialled: list[str], inward: str
) -> None:
    answers(monkeypatch, PUBLIC, inward)
    async with within() as (port, came):
        first, *later = await posted(AddressRules(live=True), port, times=3)
    assert first.error == "unreachable"
    assert [each.error for each in later] == ["address_refused"] * 2
    assert (dialled, came) == ([PUBLIC], [])


@pytest.mark.parametrize("inward", INWARD)
async def test_a_name_that_was_public_when_it_was_looked_at(
    monkeypatch: pytest.MonkeyPatch, dialled: list[str], inward: str
) -> None:
    """The address that the lookup took is judged again when it is dialled."""
    answers(monkeypatch, inward)
    async with within() as (port, came):
        [answer] = await posted(Forgetful(live=True, looks=[1]), port)
    assert answer.error == "address_refused"
    assert (dialled, came) == ([], [])


@pytest.mark.parametrize("inward", ["127.0.0.1", "::ffff:127.0.0.1"])
async def test_without_both_looks_it_would_be_reached(
    monkeypatch: pytest.MonkeyPatch, dialled: list[str], inward: str
) -> None:
    """Else the two above would say nothing."""
    answers(monkeypatch, inward)
    async with within() as (port, came):
        [answer] = await posted(Forgetful(live=True, looks=[1, 2]), port)
    assert not answer.arrived
    # The first byte of TLS.
    assert (dialled, came) == ([inward], [b"\x16"])


def test_what_people_name_is_called_by_this_client_alone() -> None:
    """Adding, testing and replaying write a row; one place takes them up, and makes one client."""
    product = ROOT / "sidecar" / "coinslot"
    made = [
        str(file.relative_to(product))
        for file in sorted(product.rglob("*.py"))
        if "EndpointClient(" in file.read_text(encoding="utf-8")
    ]
    assert made == ["outbox/deliveries.py"]
