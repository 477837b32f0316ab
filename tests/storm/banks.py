"""Refunds that take their time, decided: nothing stays under way for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.gateways import DRIVERS

if TYPE_CHECKING:
    from tests.storm.client import Client


class Banks:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._decided = 0

    async def decide(self) -> None:
        """Every other one that may fail does."""
        for driver in DRIVERS:
            for refund in await driver.open_refunds(self._client):
                self._decided += refund.may_fail
                fails = refund.may_fail and self._decided % 2 == 0
                end = {refund.outcome: "failed" if fails else "succeeded"}
                await self._client.play(driver.name, refund.control, **refund.named, **end)
