"""The offers, as pages show them before their script has run."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

from coinslot.errors import CoinslotError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coinslot.database import Database
    from coinslot.database.records import Offer

log = structlog.get_logger(__name__)

# Many visitors cost one read. An order is made at the price of its moment, whatever a page shows.
_FRESH_SECONDS = 3.0
# A page is not kept waiting for longer: its script asks for itself.
_PATIENCE_SECONDS = 1.0


class OnSale:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._offers: Sequence[Offer] | None = None
        self._until = 0.0
        self._reading = asyncio.Lock()

    async def offers(self) -> Sequence[Offer] | None:
        """The smallest first; None where the database does not say."""
        async with self._reading:
            if time.monotonic() >= self._until:
                self._offers = await self._read()
                self._until = time.monotonic() + _FRESH_SECONDS
        return self._offers

    async def _read(self) -> Sequence[Offer] | None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._database.as_anonymous().on_sale()
        except (CoinslotError, TimeoutError) as error:
            log.warning("offers_not_read", error=type(error).__name__)
            return None
