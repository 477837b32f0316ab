"""Asking Stripe's simulator for refunds, and looking at what it made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from coinslot.gateways.base import GatewayPayment, Refund
from tests.support.stripes import ORDER

if TYPE_CHECKING:
    from tests.support.stripes import SimulatedStripe

REFUNDS = "/v1/refunds"
A_DAY = 24 * 3600


def refund(payment: str, amount: int = 1000, **changes: Any) -> Refund:  # noqa: ANN401
    """One that is told from others by its key, unless it is given an id."""
    key = changes.get("key", "refund-0123456789")
    given = Refund(ORDER.order_id, payment, amount, 1000, "USD", "변심", f"of {key}", key)
    return replace(given, **changes)


async def ask(sim: SimulatedStripe, asked: Refund, seconds: float = 5) -> None:
    async with sim.gateway(seconds=seconds) as gateway:
        await gateway.refund(asked)


async def read(sim: SimulatedStripe, key: str) -> GatewayPayment:
    async with sim.gateway() as gateway:
        return await gateway.read(None, key)


def made(sim: SimulatedStripe) -> list[tuple[int, str]]:
    """Every refund that Stripe keeps."""
    return [(each["amount"], each["status"]) for each in sim.simulator.books.all("refund")]
