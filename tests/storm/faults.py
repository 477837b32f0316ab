"""Carries out the planned faults, each when the storm has come as far."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.support.gateways import DRIVERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.storm.client import Client
    from tests.storm.journal import Journal
    from tests.storm.plan import Strike
    from tests.storm.world import StormStack
    from tests.support.gateways.driver import Json

SIMULATORS = tuple(driver.name for driver in DRIVERS)
# Distances of the gateways' own retries, in seconds instead of minutes.
_HASTE: dict[str, Json] = {
    "portone-v1": {"retries": 1, "spacing_s": 1},
    "portone-v2": {"retries": 4, "minute_s": 0.5},
    "toss": {"retries": 4, "spacing_s": 0.5},
    "stripe": {"retries": 2, "spacing_s": 1},
}


class Faults:
    def __init__(
        self, strikes: Sequence[Strike], stack: StormStack, client: Client, journal: Journal
    ) -> None:
        self._strikes = strikes
        self._stack = stack
        self._client = client
        self._journal = journal
        self._steps = 0
        self._stepped = asyncio.Condition()

    async def begin(self, network: str) -> None:
        """Webhooks go through the network from now on."""
        for name, haste in _HASTE.items():
            gateway = name.partition("-")[0]
            url = f"{network}/payment/{gateway}/webhook"
            await self._client.set(name, "settings", url=url, **haste)

    async def step(self) -> None:
        """The storm has come one step further."""
        async with self._stepped:
            self._steps += 1
            self._stepped.notify_all()

    async def strike(self) -> None:
        for strike in self._strikes:
            await self.reached(strike.at)
            await self._carry_out(strike)

    async def end(self) -> None:
        for name in SIMULATORS:
            await self._client.set(name, "faults")
        await self._client.set("portone-v2", "settings", cancels="succeeded")
        await asyncio.to_thread(self._stack.await_all)

    async def reached(self, step: int) -> None:
        """Waits until the storm has come as far."""
        async with self._stepped:
            await self._stepped.wait_for(lambda: self._steps >= step)

    async def _carry_out(self, strike: Strike) -> None:
        if strike.what == "weather":
            faults = [
                {"kind": kind, "share": share, "delay_s": delay}
                for kind, share, delay in strike.faults
            ]
            await self._client.set(strike.where, "faults", faults=faults)
            for kind, _, _ in strike.faults:
                self._journal.count("weather", kind)
        elif strike.what == "cancels":
            await self._client.set("portone-v2", "settings", cancels=strike.where)
        elif strike.what == "clock":
            await self._client.play(strike.where, "clock", advance_s=strike.seconds)
        elif strike.what == "v2":
            await asyncio.to_thread(self._stack.move_to_v2)
        elif strike.what == "stop":
            await asyncio.to_thread(self._stop, strike.where)
        else:
            await asyncio.to_thread(self._kill, strike.what.split())
            return
        self._journal.count("faults", strike.what)

    def _kill(self, names: list[str]) -> None:
        for name in names:
            self._stack.kill(name)
            self._journal.count("faults", "killed", name)
        for name in names:
            self._stack.start(name)

    def _stop(self, name: str) -> None:
        self._stack.stop(name)
        self._stack.start(name)
