"""The keys that the other side refuses, for `/ready`: asked for once in a while."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

from coinslot.diagnosis import keys
from coinslot.errors import CoinslotError

if TYPE_CHECKING:
    from coinslot.diagnosis.findings import Finding
    from coinslot.services import Services
    from coinslot.settings.deployment import Settings
    from coinslot.settings.gateway import GatewaySettings

log = structlog.get_logger(__name__)

_SECONDS_TAKEN = 300.0
_SECONDS_REFUSED = 15.0
# A gateway is not waited for longer than this: what it says counts from the next look on.
_SECONDS_TO_WAIT = 1.0


class KeyChecks:
    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._settings = settings
        self._found: list[str] = []
        self._good_until = 0.0
        self._looking: asyncio.Task[list[Finding]] | None = None

    async def reasons(self) -> list[str]:
        """A sentence for each key without which nobody can buy. Raises nothing."""
        if self._looking is None and time.monotonic() >= self._good_until:
            self._looking = asyncio.create_task(self._look())
        if self._looking is not None:
            await asyncio.wait({self._looking}, timeout=_SECONDS_TO_WAIT)
            if self._looking.done():
                self._note(self._looking)
                self._looking = None
        return self._found

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})

    def _note(self, looking: asyncio.Task[list[Finding]]) -> None:
        if error := looking.exception():
            log.error("keys_not_checked", exc_info=error)
        refused = [] if error else looking.result()
        self._found = [f"{each.part}: {each.problem}" for each in refused]
        self._good_until = time.monotonic() + (_SECONDS_REFUSED if refused else _SECONDS_TAKEN)

    async def _look(self) -> list[Finding]:
        """The refusals that stop all buyers: of the public key, and of every gateway's."""
        public, *gateways = await asyncio.gather(self._public(), *map(self._gateway, self._on()))
        for refused in gateways:
            for each in refused:
                log.error("gateway_keys_refused", problem=each.problem)
        everywhere = bool(gateways) and all(gateways)
        return [*public, *(each for refused in gateways for each in refused if everywhere)]

    def _on(self) -> list[GatewaySettings]:
        gateways = self._services.gateways
        return [each for each in self._settings.gateways if each.gateway in gateways]

    async def _public(self) -> list[Finding]:
        try:
            found = await keys.public_key(self._services.database, self._settings)
        except CoinslotError:
            return []
        return [found] if found.level == "fault" else []

    async def _gateway(self, settings: GatewaySettings) -> list[Finding]:
        """Only what is certain: a gateway that is away, or a proxy, says nothing of the keys."""
        found = await keys.taken_by(self._services.gateways[settings.gateway], settings)
        refused = [each for each in found if each.code == "gateway_keys_refused"]
        return refused if len(refused) == len(found) else []
