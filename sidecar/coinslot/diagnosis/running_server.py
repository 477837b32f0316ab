"""A server that runs: is it this one, may the app's pages call it, and is it ready?

It is asked where people reach it, or at its own port. One that does not run at its own port is not
missed there: the doctor may look from another machine.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from coinslot.diagnosis.findings import Finding, fault, sound, unknown
from coinslot.diagnosis.network import reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coinslot.http_client import HttpClient
    from coinslot.settings.deployment import Settings

_OURS = "x-request-id"
_SECONDS_AN_ANSWER_LASTS = 1.1
_CALL = "/api/payments/checkout"
_HEADERS = ("authorization", "content-type", "idempotency-key")
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - seen, not bound


async def served(client: HttpClient, settings: Settings) -> list[Finding]:
    public = settings.coinslot_public_url
    if public is not None:
        way = await reach(client, "COINSLOT_PUBLIC_URL", f"{public}/health")
        if isinstance(way, Finding):
            return [way]
    try:
        return await _looked_at(client, settings, public or _own(settings))
    except httpx.HTTPError:
        if public is None:
            return []
        said = f"{public} answers one call and not the next"
        return [unknown("server", "server_away", said, "Look at the proxy, and try again")]


async def _looked_at(client: HttpClient, settings: Settings, address: str) -> list[Finding]:
    alive = await client.get(f"{address}/health")
    if wrong := _somebody_else(alive, address, settings):
        return [wrong]
    pages = await _preflight(client, settings, address)
    ready = await _asked_twice(client, f"{address}/ready")
    found = [*pages, *_readiness(ready, address)]
    return found or [sound("server", f"{address} is this server, ready, and open to your pages")]


async def _asked_twice(client: HttpClient, address: str) -> dict[str, Any]:
    """A moment in which the database was slow is no fault."""
    first = await client.get(address)
    if first.is_success:
        return {}
    await asyncio.sleep(_SECONDS_AN_ANSWER_LASTS)
    return _said(await client.get(address))


def _own(settings: Settings) -> str:
    host, port = settings.listens_at
    named = _EVERYWHERE.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{named}:{port}"


def _somebody_else(answer: httpx.Response, address: str, settings: Settings) -> Finding | None:
    if answer.status_code == httpx.codes.OK and _OURS in answer.headers:
        return None
    if answer.is_redirect:
        said, todo = (
            f"{address} sends its callers elsewhere: gateways do not follow with a webhook",
            "Set COINSLOT_PUBLIC_URL, and the webhooks' addresses, to where it sends them",
        )
    elif settings.coinslot_public_url is None:
        said, todo = (
            f"something else than Coinslot answers at {address}",
            "Stop it, or set another COINSLOT_SIDECAR_PORT",
        )
    else:
        said, todo = (
            f"{address} does not answer as this server does (status {answer.status_code})",
            "Let the proxy hand every path to the server, with its headers",
        )
    return fault("server", "server_not_ours", said, todo, stops_buyers=True)


async def _preflight(client: HttpClient, settings: Settings, address: str) -> list[Finding]:
    """Asks as a browser does before a page of FRONTEND_URL calls the server."""
    parts = urlsplit(settings.frontend_url)
    origin = f"{parts.scheme}://{parts.netloc}"
    if origin == address or origin not in settings.cors_origins:
        return []  # its own pages; or said of the settings already
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": ",".join(_HEADERS),
    }
    answer = await client.request("OPTIONS", f"{address}{_CALL}", headers=asked)
    return list(_refusals(answer, origin, address))


def _refusals(answer: httpx.Response, origin: str, address: str) -> Iterator[Finding]:
    origins = answer.headers.get_list("access-control-allow-origin", split_commas=True)
    allowed = answer.headers.get("access-control-allow-headers", "").lower()
    if len(origins) > 1:
        yield fault(
            "server",
            "cors_doubled",
            f"{address} names allowed origins twice, which browsers refuse",
            "Take the headers Access-Control-… out of the proxy's settings: the server sets them",
            stops_buyers=True,
        )
    elif origins != [origin] or not all(each in allowed for each in _HEADERS):
        yield fault(
            "server",
            "cors_refused",
            f"{address} does not let browsers call it from {origin}",
            "Start the server again with these settings, and let the proxy pass OPTIONS on to it",
            stops_buyers=True,
        )


def _readiness(said: dict[str, Any], address: str) -> Iterator[Finding]:
    for reason in said.get("reasons", []):
        yield fault(
            "server",
            "server_not_ready",
            f"{address}/ready says {reason}"[:300],
            "docs/troubleshooting.md has each reason; if it is not one of the settings here, start"
            " the server again",
            stops_buyers=True,
        )


def _said(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
