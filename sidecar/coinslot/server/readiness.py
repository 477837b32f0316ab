"""The reasons for which this server cannot do its work, for `/ready`."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog
from pydantic import ValidationError

from coinslot.database.caller import RpcMissing
from coinslot.database.rpc_names import Rpc
from coinslot.database.service import ServiceRefused
from coinslot.diagnosis.keys import no_gateway, service_key_refused
from coinslot.diagnosis.release_fit import misfits
from coinslot.errors import CoinslotError
from coinslot.server.installation import Installation
from coinslot.server.key_checks import KeyChecks

if TYPE_CHECKING:
    from coinslot.diagnosis.findings import Finding
    from coinslot.services import Services
    from coinslot.settings.deployment import Settings

log = structlog.get_logger(__name__)

# However often it is asked, the database is asked once in this time, and not waited for longer than
# those who balance loads wait for an answer.
_SECONDS_KEPT = 1.0
_SECONDS_TO_ANSWER = 2.0


class Readiness:
    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._settings = settings
        self._keys = KeyChecks(services, settings)
        self._installation = Installation(services.database)
        self._asking = asyncio.Lock()
        self._found: list[str] = []
        self._good_until = 0.0

    async def close(self) -> None:
        await self._keys.close()

    async def reasons(self) -> list[str]:
        """The reasons for not being ready, one sentence each; none if ready. Never raises."""
        if self._services.shutdown.has_begun():
            return ["stopping"]
        if not self._services.gateways:
            return [_reason(no_gateway())]
        async with self._asking:
            if time.monotonic() >= self._good_until:
                self._found = self._noted(await self._database())
                self._good_until = time.monotonic() + _SECONDS_KEPT
            return self._found

    def _noted(self, found: list[str]) -> list[str]:
        if found != self._found:
            log.warning("readiness", reasons=found)
        return found

    async def _database(self) -> list[str]:
        service = self._services.database.as_service()
        try:
            async with asyncio.timeout(_SECONDS_TO_ANSWER):
                found, faults = await asyncio.gather(
                    service.get_settings(), self._installation.reasons()
                )
        except TimeoutError:
            return [f"database: no answer within {_SECONDS_TO_ANSWER:.0f} seconds"]
        except RpcMissing:
            return [f"migrations: the database has no {Rpc.GET_SETTINGS}; push the migrations"]
        except ServiceRefused:
            return [_reason(service_key_refused(self._settings))]
        except CoinslotError as error:
            return [f"database: {error.code}: SUPABASE_URL gives no answer"]
        except ValidationError:
            log.exception("database_settings_not_understood")
            return ["database: database_mismatch: push the migrations of this version"]
        # Apart: the first call to a gateway costs time that the database is not to answer for.
        keys = await self._keys.reasons()
        wrong = misfits(found, self._settings.coinslot_mode, self._services.gateways)
        return [*map(_reason, wrong), *keys, *faults]


def _reason(found: Finding) -> str:
    return f"{found.part}: {found.problem}"
