"""The faults of the installation that stop buyers, for `/ready`: looked for once in a while."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pydantic import ValidationError

from coinslot.errors import CoinslotError

if TYPE_CHECKING:
    from coinslot.database import Database

# The database compares some six hundred objects, so it is asked rarely; sooner where a repair is
# awaited, or where it gave no answer.
_SECONDS_WHOLE = 60.0
_SECONDS_FAULTY = 5.0
# A restore that lost everything would fill the answer.
_SHOWN = 5


class Installation:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._found: list[str] = []
        self._good_until = 0.0

    async def reasons(self) -> list[str]:
        """One sentence for each fault. Where the database gives no answer, those of before."""
        if time.monotonic() >= self._good_until:
            await self._look()
        return self._found

    async def _look(self) -> None:
        seconds = _SECONDS_FAULTY
        # Should the answer be late, the next who ask do not wait for it again.
        self._good_until = time.monotonic() + seconds
        try:
            faults = await self._database.as_service().check_installation(quick=True)
        except (CoinslotError, ValidationError):
            return
        stopping = [f"{each.code} {each.subject}" for each in faults if each.stops_buyers]
        self._found = [f"installation: {each}" for each in stopping[:_SHOWN]]
        if len(stopping) > _SHOWN:
            self._found.append(f"installation: {len(stopping) - _SHOWN} more")
        if not stopping:
            seconds = _SECONDS_WHOLE
        self._good_until = time.monotonic() + seconds
