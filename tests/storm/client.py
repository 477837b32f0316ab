"""Calls that may fail: by a sidecar that was just killed, a database that recovers."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from coinslot.http_client import HttpClient

if TYPE_CHECKING:
    from tests.storm.journal import Journal
    from tests.support.gateways.driver import Json
    from tests.support.stacks import LocalStack, Person

_PAUSES = (0.0, 0.2, 0.4, 0.8, 1.5, 2.0, 2.0, 3.0)
_TIMEOUT = 12.0


@dataclass(frozen=True)
class Said:
    """The last answer, and whether an earlier try may have been carried out as well."""

    status: int
    body: Json
    doubtful: bool = False

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def known(self) -> bool:
        """A yes or a no, not an outage. PostgREST's 400 without a code is one, too: it has lost
        Postgres, maybe after the commit."""
        lost = self.status == 400 and self.body.get("code") == ""
        return self.status != 0 and self.status < 500 and not lost


class Client:
    """Everybody outside: browsers and the app's own server. Whoever is not answered tries again,
    at the other sidecar."""

    def __init__(self, stack: LocalStack, sidecars: list[str], journal: Journal) -> None:
        self._stack = stack
        self._journal = journal
        self._sidecars = itertools.cycle(sidecars)
        self._http = HttpClient(timeout=_TIMEOUT)

    async def close(self) -> None:
        await self._http.aclose()

    async def sidecar(
        self, path: str, body: Json | None, token: str | None = None, **headers: str
    ) -> Said:
        """A POST, or without a body a GET."""
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return await self._patiently("sidecar", path, body, headers)

    async def rpc(self, name: str, person: Person | None, **arguments: object) -> Said:
        """As the person, or as the app's server."""
        path = f"/rest/v1/rpc/{name}"
        return await self._patiently("api", path, arguments, self._stack.headers(person))

    async def play(self, simulator: str, what: str, **body: object) -> Json | None:
        """Plays the buyer, the bank or the merchant at the gateway. None: not possible."""
        url = f"{self._stack.settings.simulators_url}/{simulator}/_sim/{what}"
        answer = await self._http.post(url, json=body, timeout=60)
        if answer.status_code in {400, 409}:
            return None
        answer.raise_for_status()
        found: Json = answer.json()
        return found

    async def set(self, simulator: str, what: str, method: str = "PUT", /, **body: object) -> None:
        url = f"{self._stack.settings.simulators_url}/{simulator}/_sim/{what}"
        (await self._http.request(method, url, json=body, timeout=60)).raise_for_status()

    async def look(self, path: str, **headers: str) -> Json:
        url = f"{self._stack.settings.simulators_url}/{path}"
        answer = await self._http.get(url, headers=headers, timeout=60)
        found: Json = answer.raise_for_status().json()
        return found

    async def _patiently(
        self, where: str, path: str, body: object, headers: dict[str, str]
    ) -> Said:
        said = Said(0, {})
        for attempt, pause in enumerate(_PAUSES):
            await asyncio.sleep(pause)
            said = await self._once(where, path, body, headers, doubtful=attempt > 0)
            if said.known:
                break
        self._journal.count("answers", where, said.status)
        return said

    async def _once(
        self, where: str, path: str, body: object, headers: dict[str, str], *, doubtful: bool
    ) -> Said:
        base = next(self._sidecars) if where == "sidecar" else self._stack.api_url
        method = "GET" if body is None else "POST"
        try:
            answer = await self._http.request(method, base + path, json=body, headers=headers)
            found = answer.json()
        except (httpx.HTTPError, ValueError):
            return Said(0, {}, doubtful)
        if answer.status_code == 500 and where == "sidecar":
            self._journal.wrong.append(f"500 from {path}: {answer.text[:200]}")
        return Said(answer.status_code, found if isinstance(found, dict) else {}, doubtful)
