"""All checks of a deployment, side by side, within one deadline."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from pydantic import ValidationError

from coinslot.database.caller import RpcMissing
from coinslot.database.service import ServiceRefused
from coinslot.diagnosis import (
    installation,
    keys,
    mail,
    running_server,
    shared_limits,
    shopfront,
)
from coinslot.diagnosis.backlog import late_work
from coinslot.diagnosis.findings import Finding, fault, sound, unknown
from coinslot.diagnosis.network import way_to
from coinslot.diagnosis.release_fit import migrations_missing
from coinslot.errors import CoinslotError
from coinslot.http_client import HttpClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from coinslot.services import Services
    from coinslot.settings.deployment import Settings
    from coinslot.settings.gateway import GatewaySettings

    Check = Callable[[], Awaitable[list[Finding]]]

_PARTS = (
    *("settings", "network", "clock", "keys", "mode", "schema", "migrations", "database"),
    *("gateways", "webhooks", "catalogue", "cors", "server", "limits", "mail"),
    *("backlog", "ledger"),
)
"""The order in which a person repairs: what comes first may be why the rest fails."""


class Doctor:
    """Looks, and changes nothing. `seconds` bound the whole."""

    def __init__(self, settings: Settings, services: Services, seconds: float) -> None:
        self._settings = settings
        self._services = services
        self._service = services.database.as_patient_service()
        self._seconds = seconds
        self._until = 0.0
        self._on = [each for each in settings.gateways if each.is_on]

    async def examine(self) -> list[Finding]:
        """Each thing that was looked at, by parts. Raises nothing of what it found."""
        self._until = asyncio.get_running_loop().time() + self._seconds
        async with HttpClient(timeout=self._seconds) as client:
            found = await asyncio.gather(
                self._supabase(client),
                *(self._gateway(client, each) for each in self._on),
                *self._around(client),
            )
        every = [*self._settled(), *(each for group in found for each in group)]
        return sorted(dict.fromkeys(every), key=lambda each: _PARTS.index(each.part))

    def _around(self, client: HttpClient) -> Iterator[Awaitable[list[Finding]]]:
        """The server that runs, and what it needs beside the database and the gateways."""
        settings = self._settings
        yield self._tried("server", partial(running_server.served, client, settings))
        if settings.coinslot_limit_storage is not None:
            storage = settings.coinslot_limit_storage
            yield self._tried("limits", partial(shared_limits.answers, storage))
        if settings.sends_mail:
            yield self._tried("mail", partial(mail.taken, settings))

    def _settled(self) -> list[Finding]:
        """The checks that ask nobody."""
        found = [*shopfront.cors(self._settings), keys.sealing(self._settings)]
        for each in self._on:
            found += shopfront.webhook_secrets(each)
        if not self._on:
            return [*found, keys.no_gateway()]
        names = ", ".join(each.gateway for each in self._on)
        return [*found, sound("settings", f"{self._settings.coinslot_mode} mode, with {names}")]

    async def _supabase(self, client: HttpClient) -> list[Finding]:
        address = f"{self._settings.supabase_url}/rest/v1/"
        way = await self._tried("network", partial(way_to, client, "SUPABASE_URL", address))
        if _is_blocked(way):
            return way
        public, served = await asyncio.gather(
            self._tried("keys", self._public_key), self._tried("keys", self._fit)
        )
        if all(each.part == "keys" and each.level != "ok" for each in served):
            return [*way, *public, *served]
        rest = await asyncio.gather(
            self._tried("database", partial(installation.whole, self._service)),
            self._tried("backlog", self._backlog),
            self._tried("catalogue", self._catalogue),
        )
        return [*way, *public, *served, *(each for group in rest for each in group)]

    async def _public_key(self) -> list[Finding]:
        return [await keys.public_key(self._services.database, self._settings)]

    async def _fit(self) -> list[Finding]:
        names = [each.gateway for each in self._on]
        try:
            fit = await installation.fit(self._service, self._settings.coinslot_mode, names)
        except ServiceRefused:
            return [keys.service_key_refused(self._settings)]
        return [sound("keys", "SUPABASE_SERVICE_ROLE_KEY is taken"), *fit]

    async def _backlog(self) -> list[Finding]:
        found = await self._service.get_backlog()
        seen = [each for on in self._on for each in shopfront.webhook_events(on, found.events)]
        return [*late_work(found), *seen]

    async def _catalogue(self) -> list[Finding]:
        products = await self._service.list_products()
        return list(shopfront.on_sale(products, self._services.gateways.values()))

    async def _gateway(self, client: HttpClient, settings: GatewaySettings) -> list[Finding]:
        found: list[Finding] = []
        for name, address in settings.api_addresses().items():
            found += await self._tried("network", partial(way_to, client, name, address))
        if _is_blocked(found):
            return found
        gateway = self._services.gateways[settings.gateway]
        return [*found, *await self._tried("gateways", partial(keys.taken_by, gateway, settings))]

    async def _tried(self, part: str, check: Check) -> list[Finding]:
        """The check's own findings, or the one that it could not be made."""
        try:
            async with asyncio.timeout_at(self._until):
                return await check()
        except TimeoutError:
            said = f"not answered within {self._seconds:.0f} seconds"
            return [unknown(part, "too_slow", said, "Try again with --seconds 60")]
        except RpcMissing:
            return [migrations_missing("functions that this server calls")]
        except ValidationError:
            said = "the database's answer is not understood"
            return [fault(part, "database_mismatch", said, "Push the migrations of this version")]
        except CoinslotError as error:
            said = f"{error} ({error.code})"
            return [unknown(part, error.code, said, "Try again; look at Supabase's status page")]


def _is_blocked(way: list[Finding]) -> bool:
    return any(each.part == "network" and each.level != "ok" for each in way)
