"""After the calm: what moves at the gateways, no webhook tells, and no order is due for a read.

Money that was credited goes back the next day, every webhook about it is lost for good, and nobody
looks for nine days. Then the daily audit finds it, on its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.storm.world import SIDECARS
from tests.support.gateways import DRIVERS

if TYPE_CHECKING:
    from coinslot.services import Services
    from tests.storm.client import Client
    from tests.storm.journal import Bought, Journal
    from tests.storm.world import StormStack

DAYS = 9
_DAY = 86_400
_ONE_IN = 3
"""Of the purchases that have a payment."""


class Silence:
    def __init__(self, stack: StormStack, client: Client, journal: Journal) -> None:
        self._stack = stack
        self._client = client
        self._journal = journal

    async def fall(self) -> None:
        """No sidecar runs any more. The next day at every gateway money goes back: whole, in part,
        and by the bank."""
        for name in SIDECARS:
            self._stack.stop(name)
        for driver in DRIVERS:
            await self._client.set(driver.name, "clock", "POST", advance_s=_DAY)
        paid = [each for each in self._journal.bought if each.keys]
        for number, bought in enumerate(paid[::_ONE_IN]):
            await self._move(bought, number)

    async def end(self, services: Services) -> None:
        """Nine days later, by the clock of the database."""
        self._stack.move_database_clock(DAYS)
        await services.audits.daily()

    async def _move(self, bought: Bought, number: int) -> None:
        turns = (self._refund, self._refund_part, self._dispute, self._undo)
        if not await turns[number % len(turns)](bought):
            await self._refund(bought)

    async def _refund(self, bought: Bought) -> bool:
        return await self._play(bought, "refund", "refund")

    async def _refund_part(self, bought: Bought) -> bool:
        part = max(1, bought.amount // 10)
        return await self._play(bought, "refund", "refund in part", amount=part)

    async def _dispute(self, bought: Bought) -> bool:
        if bought.gateway not in {"stripe", "portone-v2"}:
            return False
        opened = "needs_response" if bought.gateway == "stripe" else "created"
        if not await self._play(bought, "dispute", "dispute opened", status=opened):
            return False
        return await self._play(bought, "dispute", "dispute lost", status="lost")

    async def _undo(self, bought: Bought) -> bool:
        return await self._play(bought, "undo_deposit", "deposit undone")

    async def _play(self, bought: Bought, what: str, name: str, **body: object) -> bool:
        key = bought.keys[-1]
        played = await self._client.play(bought.gateway, what, payment_key=key, **body)
        self._journal.count("silence", name, "not possible" if played is None else "")
        bought.said.append(f"in silence: {name} {'not possible' if played is None else 'played'}")
        return played is not None
