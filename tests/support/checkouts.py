"""A buyer's checkout at any gateway: order, pay, come back, and be told by webhook."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support import toss
from tests.support.gateways import DRIVERS, PORTONE_V1, PORTONE_V2, STRIPE, TOSS
from tests.support.gateways.driver import PlacedOrder
from tests.support.portone_v2_shop import ShopV2, in_place_of_the_stacks, v2_settings
from tests.support.shop import Shop, settings_on
from tests.support.sizes import sized
from tests.support.stripe_shop import StripeShop
from tests.support.toss_shop import TossShop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coinslot.settings.deployment import Settings
    from tests.support.gateways.driver import GatewayDriver, Json
    from tests.support.stacks import LocalStack

_SHOPS: dict[str, type[Shop]] = {
    PORTONE_V1.name: Shop,
    PORTONE_V2.name: ShopV2,
    TOSS.name: TossShop,
    STRIPE.name: StripeShop,
}
_KEYS = {
    *("IAMPORT_API_URL", "IAMPORT_API_KEY", "IAMPORT_API_SECRET", "IAMPORT_CODE"),
    *("TOSS_API_URL", "TOSS_CLIENT_KEY", "TOSS_SECRET_KEY"),
    *("STRIPE_API_URL", "STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET"),
}
# Whoever has V2's keys is in place of the stack's own sidecar, which starts again after it: last.
EVERY: tuple[GatewayDriver, ...] = tuple(
    sorted(DRIVERS, key=lambda driver: driver.name == PORTONE_V2.name)
)


def at_one(driver: GatewayDriver) -> pytest.MarkDecorator:
    """Of a rule that no gateway changes: in the suite at this one, as a proof at every."""
    drivers = sized([driver], proofs=list(EVERY))
    return pytest.mark.parametrize("gateway", drivers, ids=lambda each: each.name, indirect=True)


def only_at(*drivers: GatewayDriver) -> pytest.MarkDecorator:
    """Of what no other gateway has."""
    return pytest.mark.parametrize("gateway", drivers, ids=lambda each: each.name, indirect=True)


@asynccontextmanager
async def sidecar_for(driver: GatewayDriver, stack: LocalStack) -> AsyncIterator[str]:
    """The one that serves this gateway: but for PortOne V2 the stack's own."""
    if driver is PORTONE_V2:
        async with in_place_of_the_stacks(stack) as url:
            yield url
    else:
        yield stack.sidecar_url


def settings_for(driver: GatewayDriver, stack: LocalStack) -> Settings:
    """Of a sidecar that serves this gateway."""
    if driver is PORTONE_V2:
        return v2_settings(stack)
    return settings_on(
        stack, **{name.lower(): value for name, value in stack.env.items() if name in _KEYS}
    )


@dataclass
class Checkout:
    """One buyer at one gateway."""

    driver: GatewayDriver
    shop: Shop

    @classmethod
    def at(cls, driver: GatewayDriver, shop: Shop) -> Checkout:
        """The shop's buyer."""
        return cls(driver, _SHOPS[driver.name].of(shop))

    def settings(self) -> Settings:
        return settings_for(self.driver, self.shop.stack)

    async def order(self) -> str:
        return await self.shop.order()

    async def agree(self, order_id: str) -> str:
        """The buyer's part; at most gateways the money is taken then."""
        return await self.shop.pay(order_id)

    async def pay(self, order_id: str) -> str:
        """The payment key of money taken, of which the sidecar has heard nothing."""
        key = await self.agree(order_id)
        if self.driver is TOSS:
            answer = await self.shop.http.post(
                f"{self.shop.stack.settings.simulators_url}/toss/v1/payments/confirm",
                json={"paymentKey": key, "orderId": order_id, "amount": self.driver.price},
                auth=(toss.SECRET_KEY, ""),
            )
            assert answer.status_code == 200, answer.text
        return key

    async def leave(self, order_id: str) -> str:
        """The payment key of a buyer who did not pay."""
        if self.driver is TOSS:
            return await self.agree(order_id)
        return await self.shop.pay(order_id, outcome="abandoned")

    async def come_back(self, order_id: str, key: str) -> int:
        """The status that the returning page is answered. Where it only waits, as with Stripe, the
        webhook comes now."""
        path, body = self.driver.returning(PlacedOrder(order_id, self.driver.price), key)
        if body is None:
            return (await self.tell(order_id, key))[0]
        return (await self.shop.http.post(f"{self.shop.sidecar}{path}", json=body)).status_code

    async def tell(
        self,
        order_id: str,
        key: str,
        *,
        paid: bool = True,
        times: int = 1,
        forged: bool = False,
        cut: int = 0,
    ) -> list[int]:
        """One event, delivered so many times at once; the statuses it is answered. `cut` bytes
        are missing at its end, `forged` ones are not the gateway's."""
        raw = json.dumps(self.driver.event(order_id, key, paid=paid)).encode()
        signed = self.driver.signature(raw, ours=not forged)
        headers = {"Content-Type": "application/json", **signed}
        url = f"{self.shop.sidecar}/payment/{self.driver.gateway}/webhook"
        answers = await asyncio.gather(
            *(
                self.shop.http.post(url, content=raw[: len(raw) - cut], headers=headers)
                for _ in range(times)
            )
        )
        return [answer.status_code for answer in answers]

    async def distort(self, key: str, kind: str) -> None:
        await self.shop.play(f"payments/{key}", "PATCH", **self.driver.distorted[kind])

    async def returned(self, key: str) -> int:
        """Minor units that the gateway's own books show as refunded."""
        return self.driver.money(await self.books(key)).returned

    async def books(self, key: str) -> Json:
        """The payment as the gateway keeps it."""
        kept: list[Json] = (await self.shop.play("payments", "GET"))["payments"]
        return next(each for each in kept if key in map(str, each.values()))

    async def bought(self) -> tuple[str, str]:
        """An order that is paid and completed, and its payment key."""
        order_id = await self.order()
        key = await self.pay(order_id)
        assert await self.come_back(order_id, key) == 200
        await self.shop.until(lambda: self.shop.row(order_id)["status"] == "completed")
        return order_id, key

    async def fail(self, kind: str | None, **plan: object) -> None:
        """Makes the gateway's own HTTP fail like this from now on; None ends it."""
        body = {"kind": kind, **plan} if kind else {}
        await self.shop.play("faults", "PUT", **body)
