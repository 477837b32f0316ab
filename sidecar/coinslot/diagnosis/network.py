"""The way to an address: its name, the connection, its certificate, and the time it tells.

Names are resolved in a thread that nobody waits for: the system's resolver may take longer than a
check has, and cannot be called off.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies

import aiohttp
import httpx

from coinslot.diagnosis.findings import Finding, fault, sound, unknown

if TYPE_CHECKING:
    from coinslot.http_client import HttpClient

SECONDS_APART = 60.0
"""Further apart than this, orders would end early or late, and signatures seem too old or new."""


@dataclass(frozen=True, slots=True)
class Answered:
    """`ahead`: the seconds by which this machine's clock is ahead of the one that answered. None
    where the answer tells no time."""

    status: int
    ahead: float | None


async def reach(client: HttpClient, setting: str, address: str) -> Answered | Finding:
    """Asks the address for anything at all: every answer is one."""
    host = urlsplit(address).hostname or ""
    if not getproxies() and (why := await _unresolved(host)):
        return unknown(
            "network",
            "name_unknown",
            f"{setting}: the name {host} is not found ({why})",
            f"Correct {setting}, or the DNS of this machine",
        )
    try:
        answer = await client.get(address)
    except httpx.TimeoutException:
        return _unreachable(setting, host, "it does not answer")
    except httpx.HTTPError as error:
        if isinstance(error.__cause__, aiohttp.ClientSSLError):
            return fault(
                "network",
                "certificate_refused",
                f"{setting}: the certificate of {host} does not hold",
                "Look at this machine's clock and certificates, and for a proxy in between",
                stops_buyers=True,
            )
        return _unreachable(setting, host, "there is no connection")
    return Answered(answer.status_code, _ahead(answer.headers.get("date")))


async def way_to(client: HttpClient, setting: str, address: str) -> list[Finding]:
    """The way there, and this machine's clock beside the one at its end."""
    answered = await reach(client, setting, address)
    if isinstance(answered, Finding):
        return [answered]
    host = urlsplit(address).netloc
    if setting == "SUPABASE_URL" and answered.status == 404:
        said = f"SUPABASE_URL: nothing of Supabase's answers at {address}"
        todo = "Set the address of the project: https://….supabase.co"
        return [fault("network", "not_supabase", said, todo, stops_buyers=True)]
    found = [sound("network", f"{setting}: {host} answers")]
    if answered.ahead is None:
        return found
    off = clock_off(answered.ahead, host)
    return [*found, off or sound("clock", f"this server and {host} tell the same time")]


def clock_off(seconds: float, whose: str) -> Finding | None:
    """A fault where this machine's clock is so far ahead of another one, or behind it."""
    if abs(seconds) <= SECONDS_APART:
        return None
    return fault(
        "clock",
        "clock_off",
        f"this server is {seconds:+.0f} seconds off {whose}",
        "Set this machine's clock by NTP",
        stops_buyers=True,
    )


def _unreachable(setting: str, host: str, why: str) -> Finding:
    return unknown(
        "network",
        "unreachable",
        f"{setting}: {host} cannot be reached: {why}",
        f"Correct {setting}, or let this machine through to it",
    )


async def _unresolved(host: str) -> str | None:
    """The reason why a name has no address; None where it has one."""
    loop = asyncio.get_running_loop()
    told: asyncio.Future[str | None] = loop.create_future()

    def tell(why: str | None) -> None:
        if not told.done():
            told.set_result(why)

    def ask() -> None:
        why = None
        try:
            socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or "no name"
        with suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(tell, why)

    threading.Thread(target=ask, daemon=True).start()
    return await told


def _ahead(date: str | None) -> float | None:
    try:
        return time.time() - parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return None
