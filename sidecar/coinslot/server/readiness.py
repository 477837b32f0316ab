"""The reasons for which this server cannot do its work, for `/ready`."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog
from pydantic import ValidationError

from coinslot.database.caller import RpcMissing
from coinslot.database.rpc_names import Rpc
from coinslot.errors import CoinslotError
from coinslot.release import misfit
from coinslot.server.installation import Installation

if TYPE_CHECKING:
    from coinslot.database.records import DatabaseSettings
    from coinslot.services import Services
    from coinslot.settings.deployment import Mode

log = structlog.get_logger(__name__)

# However often it is asked, the database is asked once in this time, and not waited for longer than
# those who balance loads wait for an answer.
_SECONDS_KEPT = 1.0
_SECONDS_TO_ANSWER = 2.0
# Further apart than this, orders would end early or late, and signatures seem too old or too new.
_SECONDS_APART = 60.0


class Readiness:
    def __init__(self, services: Services, mode: Mode) -> None:
        self._services = services
        self._mode = mode
        self._installation = Installation(services.database)
        self._asking = asyncio.Lock()
        self._found: list[str] = []
        self._good_until = 0.0

    async def reasons(self) -> list[str]:
        """The reasons for not being ready, one sentence each; none if ready. Never raises."""
        if self._services.shutdown.has_begun():
            return ["stopping"]
        if not self._services.gateways:
            return ["gateways: none is set up"]
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
        try:
            async with asyncio.timeout(_SECONDS_TO_ANSWER):
                found = await self._services.database.as_service().get_settings()
                faults = await self._installation.reasons()
        except TimeoutError:
            return [f"database: no answer within {_SECONDS_TO_ANSWER:.0f} seconds"]
        except RpcMissing:
            return [f"migrations: the database has no {Rpc.GET_SETTINGS}; push the migrations"]
        except CoinslotError as error:
            return [f"database: {error.code}"]
        except ValidationError:
            log.exception("database_settings_not_understood")
            return ["database: database_mismatch"]
        return [*self._misfits(found), *faults]

    def _misfits(self, found: DatabaseSettings) -> list[str]:
        reasons = []
        if found.now is not None and abs(apart := time.time() - found.now) > _SECONDS_APART:
            reasons.append(f"clock: this server is {apart:+.0f} seconds off the database")
        if found.mode != self._mode:
            reasons.append(f"mode: this server is {self._mode}, the database is {found.mode}")
        if reason := misfit(found.schema_version, found.oldest_sidecar):
            reasons.append(f"schema: {reason}")
        if missing := sorted({*Rpc} - set(found.rpcs)):
            reasons.append(f"migrations: the database has no {', '.join(missing)}")
        if found.gateways is not None:
            rowless = sorted(set(self._services.gateways) - set(found.gateways))
            reasons += [f"gateways: the database has no row for {name}" for name in rowless]
        return reasons
