"""The PortOne V2 client: failing calls, and the registration of an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coinslot.errors import GatewayTimeout, GatewayUnavailable
from coinslot.gateways.base import Order
from coinslot.server.error_answers import status_of
from tests.support.portone_v2 import CHANNEL, ORDER, STORE

if TYPE_CHECKING:
    from tests.support.portone_v2 import SimulatedV2

TO_BUY = Order(ORDER, "Starter Pack", 5000, "KRW")


class TestFaults:
    @pytest.mark.parametrize(
        "kind",
        ["error_before", "error_after", "drop_after", "malformed", "html", "rate_limit", "refused"],
    )
    async def test_no_answer_says_nothing_about_the_payment(
        self, v2: SimulatedV2, kind: str
    ) -> None:
        await v2.pay()
        await v2.fault(kind, next=1)
        with pytest.raises(GatewayUnavailable) as caught:
            await v2.gateway().read(ORDER, None)
        assert status_of(caught.value) == 502
        assert (await v2.gateway().read(ORDER, None)).paid == 5000

    async def test_slow_gateway_times_out(self, v2: SimulatedV2) -> None:
        await v2.fault("delay", delay_s=5)
        with pytest.raises(GatewayTimeout):
            await v2.gateway(timeout=0.2).read(ORDER, None)

    async def test_address_of_something_else_knows_no_payment_for_certain(
        self, v2: SimulatedV2
    ) -> None:
        """A 404 without PortOne's own words is not PortOne saying that there is no payment."""
        with pytest.raises(GatewayUnavailable):
            await v2.gateway(url=f"{v2.url}/elsewhere").read(ORDER, None)

    async def test_wrong_keys_are_named_as_the_reason(self, v2: SimulatedV2) -> None:
        for call in (
            v2.gateway(api_secret="another").read(ORDER, None),
            v2.gateway(api_secret="another").prepare(TO_BUY),
        ):
            with pytest.raises(GatewayUnavailable) as caught:
                await call
            assert caught.value.code == "gateway_rejected_keys"


class TestPrepare:
    async def test_browser_gets_what_the_sdk_takes(self, v2: SimulatedV2) -> None:
        prepared = await v2.gateway().prepare(TO_BUY)
        assert prepared.browser == {
            "storeId": STORE,
            "channelKey": CHANNEL,
            "paymentId": ORDER,
            "orderName": "Starter Pack",
            "totalAmount": 5000,
            "currency": "KRW",
        }
        assert prepared.attempt is None

    async def test_window_refuses_another_amount(self, v2: SimulatedV2) -> None:
        await v2.gateway().prepare(TO_BUY)
        code = await v2.refused("pay", order_id=ORDER, amount=100)
        assert code == "AmountNotEqualToPredefined"

    async def test_order_checked_out_again_is_registered_again(self, v2: SimulatedV2) -> None:
        gateway = v2.gateway()
        await gateway.prepare(TO_BUY)
        await gateway.prepare(Order(ORDER, "Starter Pack", 400, "USD"))
        registered = v2.simulator.store.get("prepared", ORDER)
        assert registered == {"storeId": STORE, "totalAmount": 400, "currency": "USD"}

    async def test_order_paid_meanwhile_is_no_failure(self, v2: SimulatedV2) -> None:
        await v2.pay()
        assert (await v2.gateway().prepare(TO_BUY)).browser["paymentId"] == ORDER

    @pytest.mark.parametrize("kind", ["error_after", "drop_after", "html", "malformed"])
    async def test_failure_is_one(self, v2: SimulatedV2, kind: str) -> None:
        await v2.fault(kind)
        with pytest.raises(GatewayUnavailable):
            await v2.gateway().prepare(TO_BUY)
