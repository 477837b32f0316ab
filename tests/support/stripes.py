"""A Stripe simulator, Stripe's own client for it, and the sidecar's gateway."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest_asyncio
import stripe

from coinslot.gateways.base import Order
from coinslot.gateways.stripe.adapter import Stripe
from coinslot.gateways.stripe.client import StripeApi
from simulators.app import create_app
from simulators.registry import SimulatorSettings
from simulators.stripe.simulator import StripeSimulator
from tests.support.servers import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET_KEY, PUBLISHABLE_KEY, WEBHOOK_SECRET = "sk_test_1", "pk_test_1", "whsec_one"
ORDER = Order("ord_0123456789ab", "Premium Fortune Reading", 1000, "USD")


@dataclass(frozen=True)
class SimulatedStripe:
    simulator: StripeSimulator
    url: str
    http: httpx.AsyncClient
    client: stripe.StripeClient
    """The official library, as anybody would use it."""

    async def control(self, method: str, path: str, /, **body: object) -> Any:  # noqa: ANN401
        response = await self.http.request(method, f"{self.url}/_sim/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def fault(self, kind: str, **plan: object) -> None:
        await self.control("PUT", "faults", kind=kind, **plan)

    async def intent(self, order: Order = ORDER, **params: Any) -> stripe.PaymentIntent:  # noqa: ANN401
        """A PaymentIntent for the order, made with the official library."""
        given: Any = {
            "amount": order.amount,
            "currency": order.currency.lower(),
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"order_id": order.order_id},
            **params,
        }
        return await self.client.v1.payment_intents.create_async(given)

    async def pay(self, order_id: str = ORDER.order_id, **turn: object) -> str:
        carried = await self.control("POST", "pay", order_id=order_id, **turn)
        return str(carried["payment_intent"])

    async def paid(self, order: Order = ORDER, **turn: object) -> str:
        """The id of a PaymentIntent that the buyer has paid."""
        intent = await self.intent(order)
        return await self.pay(order.order_id, payment_intent=intent.id, **turn)

    @asynccontextmanager
    async def gateway(
        self, *, key: str = SECRET_KEY, seconds: float = 5, url: str | None = None
    ) -> AsyncIterator[Stripe]:
        gateway = Stripe(
            StripeApi(key, url or self.url, seconds),
            publishable_key=PUBLISHABLE_KEY,
            webhook_secrets=[WEBHOOK_SECRET],
        )
        try:
            yield gateway
        finally:
            await gateway.close()


@pytest_asyncio.fixture(scope="module")
async def simulated_stripe() -> AsyncIterator[SimulatedStripe]:
    settings = SimulatorSettings(stripe_secret_key=SECRET_KEY, stripe_webhook_secret=WEBHOOK_SECRET)
    app = create_app(settings)
    simulator = next(each for each in app.ctx.simulators if isinstance(each, StripeSimulator))
    async with (
        running(app) as url,
        httpx.AsyncClient() as http,
        official(f"{url}/stripe") as client,
    ):
        yield SimulatedStripe(simulator, f"{url}/stripe", http, client)


@pytest_asyncio.fixture
async def stripe_sim(simulated_stripe: SimulatedStripe) -> SimulatedStripe:
    """A simulator that knows nothing yet and sends no webhooks by itself."""
    await simulated_stripe.control("POST", "reset")
    settings = {"enabled": False, "secrets": [WEBHOOK_SECRET], "api_version": stripe.api_version}
    await simulated_stripe.control("PUT", "settings", **settings)
    return simulated_stripe


@asynccontextmanager
async def official(url: str, key: str = SECRET_KEY) -> AsyncIterator[stripe.StripeClient]:
    http = stripe.HTTPXClient(timeout=10)
    try:
        yield stripe.StripeClient(
            key, base_addresses={"api": url}, http_client=http, max_network_retries=0
        )
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]


def signed(body: bytes, secret: str = WEBHOOK_SECRET, at: int | None = None) -> dict[str, str]:
    """The header as Stripe would send it with this body."""
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at)
    return {"stripe-signature": str(header)}
