"""PortOne V1's token: asked for by one, used by all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from coinslot.errors import GatewayTimeout, GatewayUnavailable

if TYPE_CHECKING:
    from tests.support.portone import Simulated

UID = "imp_123456789012"


class TestToken:
    async def test_racing_requests_share_one(self, sim: Simulated) -> None:
        imp_uid = await sim.pay("ord_0123456789ab", amount=5000)
        gateway = sim.gateway()
        await asyncio.gather(*(gateway.read(None, imp_uid) for _ in range(20)))
        assert sim.simulator.tokens.issued == 1

    async def test_those_who_wait_for_one_that_never_comes_wait_together(
        self, sim: Simulated
    ) -> None:
        await sim.fault("delay", delay_s=5, path="/users/getToken")
        gateway = sim.gateway(timeout=0.5)
        async with asyncio.timeout(4):
            answers = await asyncio.gather(
                *(gateway.read(None, UID) for _ in range(20)), return_exceptions=True
            )
        assert {type(answer) for answer in answers} == {GatewayTimeout}

    async def test_whoever_gives_up_leaves_it_to_the_others(self, sim: Simulated) -> None:
        imp_uid = await sim.pay("ord_0123456789ab", amount=5000)
        await sim.fault("delay", delay_s=0.5, next=1, path="/users/getToken")
        gateway = sim.gateway()
        first = asyncio.create_task(gateway.read(None, imp_uid))
        second = asyncio.create_task(gateway.read(None, imp_uid))
        await asyncio.sleep(0.1)
        first.cancel()
        assert (await second).paid == 5000
        assert sim.simulator.tokens.issued == 1

    async def test_refused_token_is_renewed_once_for_everybody(self, sim: Simulated) -> None:
        imp_uid = await sim.pay("ord_0123456789ab", amount=5000)
        gateway = sim.gateway()
        await gateway.read(None, imp_uid)
        sim.simulator.tokens.forget()
        await asyncio.gather(*(gateway.read(None, imp_uid) for _ in range(20)))
        assert sim.simulator.tokens.issued == 2

    async def test_gateway_clock_that_is_wrong_does_not_matter(self, sim: Simulated) -> None:
        await sim.control("POST", "clock", advance_s=-86_400 * 365)
        imp_uid = await sim.pay("ord_0123456789ab", amount=5000)
        gateway = sim.gateway()
        await gateway.read(None, imp_uid)
        await gateway.read(None, imp_uid)
        assert sim.simulator.tokens.issued == 1

    async def test_token_in_its_last_minute_is_asked_for_again(self, sim: Simulated) -> None:
        imp_uid = await sim.pay("ord_0123456789ab", amount=5000)
        sim.simulator.tokens.issue("sandbox-key", "sandbox-secret", sim.simulator.now())
        await sim.control("POST", "clock", advance_s=30 * 60 - 90)
        gateway = sim.gateway()
        await gateway.read(None, imp_uid)
        assert sim.simulator.tokens.issued == 2
        await sim.control("POST", "clock", advance_s=120)
        await gateway.read(None, imp_uid)
        assert sim.simulator.tokens.issued == 3

    async def test_wrong_keys_are_named_as_the_reason(self, sim: Simulated) -> None:
        with pytest.raises(GatewayUnavailable) as caught:
            await sim.gateway(key="another").read(None, UID)
        assert caught.value.code == "gateway_rejected_keys"
