"""Prices that Stripe refuses, told from everything else that it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coinslot.errors import AmountNotChargeable, GatewayUnavailable
from coinslot.gateways.base import Order
from coinslot.server.error_answers import status_of
from simulators.stripe.errors import Refusal
from tests.support.stripes import ORDER

if TYPE_CHECKING:
    from tests.support.stripes import SimulatedStripe


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (5_124, "KWD"),
        # Too little, as Stripe says it.
        (30, "EUR"),
        (40, "JPY"),
        # Too much.
        (100_000_000, "USD"),
        # No currency: this refusal has no code and names the parameter.
        (1000, "US1"),
    ],
)
async def test_price_that_stripe_refuses(
    stripe_sim: SimulatedStripe, amount: int, currency: str
) -> None:
    async with stripe_sim.gateway() as gateway:
        with pytest.raises(AmountNotChargeable) as caught:
            await gateway.prepare(Order("ord_0123456789ab", "Pack", amount, currency))
    assert (status_of(caught.value), caught.value.code) == (400, "amount_not_chargeable")
    assert stripe_sim.simulator.payments() == []


@pytest.mark.parametrize(
    ("kind", "code", "param"),
    [
        ("invalid_request_error", "", "metadata"),
        ("invalid_request_error", "parameter_unknown", "x"),
        ("idempotency_error", "", ""),
    ],
)
async def test_refusal_of_anything_else_is_none_of_the_price(
    stripe_sim: SimulatedStripe,
    kind: str,
    code: str,
    param: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object) -> object:
        raise Refusal(400, message="no", type=kind, code=code, param=param)

    monkeypatch.setattr("simulators.stripe.payment.Payments.create", refused)
    async with stripe_sim.gateway() as gateway:
        with pytest.raises(GatewayUnavailable):
            await gateway.prepare(ORDER)
