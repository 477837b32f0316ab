"""Events as Stripe sends them, taken in by Stripe's own library."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import stripe
from sanic import Request, Sanic, response

from tests.support.servers import running, wait_until
from tests.support.stripes import WEBHOOK_SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.stripes import SimulatedStripe

Received = list[tuple[bytes, str]]


@asynccontextmanager
async def endpoint(sim: SimulatedStripe, **settings: object) -> AsyncIterator[Received]:
    """The raw bodies and signature headers that arrive at the webhooks' address."""
    got: Received = []
    app = Sanic(f"endpoint-{id(got)}", configure_logging=False)
    app.config.TOUCHUP = app.config.AUTO_EXTEND = False

    @app.post("/hook")
    async def hook(request: Request) -> response.HTTPResponse:
        got.append((request.body, request.headers["stripe-signature"]))
        return response.empty()

    async with running(app) as url:
        await sim.control("PUT", "settings", enabled=True, url=f"{url}/hook", **settings)
        yield got


def opened(delivery: tuple[bytes, str], secret: str = WEBHOOK_SECRET) -> stripe.Event:
    event: stripe.Event = stripe.Webhook.construct_event(*delivery, secret)
    return event


async def test_signed_event_is_taken_by_the_library(stripe_sim: SimulatedStripe) -> None:
    async with endpoint(stripe_sim) as got:
        key = await stripe_sim.paid(webhook="before")
    [delivery] = got
    event = opened(delivery)
    about: Any = event.data.object
    assert (event.type, about.id) == ("payment_intent.succeeded", key)
    kept = await stripe_sim.client.v1.events.retrieve_async(event.id)
    assert kept.type == event.type


async def test_every_secret_in_force_signs(stripe_sim: SimulatedStripe) -> None:
    async with endpoint(stripe_sim, secrets=["whsec_new", "whsec_old"]) as got:
        await stripe_sim.paid(webhook="before")
    for secret in ("whsec_new", "whsec_old"):
        assert opened(got[0], secret).type == "payment_intent.succeeded"
    with pytest.raises(stripe.SignatureVerificationError):
        opened(got[0], "whsec_third")


@pytest.mark.parametrize(
    "how",
    [{"age_s": 301}, {"secret": "whsec_x"}, {"truncate": 3}, {"fields": {"id": "evt_forged"}}],
)
async def test_tampered_delivery_is_refused_by_the_library(
    stripe_sim: SimulatedStripe, how: dict[str, Any]
) -> None:
    key = await stripe_sim.paid()
    async with endpoint(stripe_sim) as got:
        await stripe_sim.control("POST", "webhook", payment_key=key, **how)
    with pytest.raises(stripe.SignatureVerificationError):
        opened(got[0])


async def test_copies_have_one_id_or_each_its_own(stripe_sim: SimulatedStripe) -> None:
    key = await stripe_sim.paid()
    async with endpoint(stripe_sim) as got:
        await stripe_sim.control("POST", "webhook", payment_key=key, times=3)
        await stripe_sim.control("POST", "webhook", payment_key=key, times=3, distinct=True)
    ids = [opened(delivery).id for delivery in got]
    assert (len(set(ids[:3])), len(set(ids))) == (1, 4)


async def test_events_are_sent_in_any_order(stripe_sim: SimulatedStripe) -> None:
    key = await stripe_sim.paid(method="4000000000000002")
    await stripe_sim.pay(payment_intent=key)
    kinds = ["payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.created"]
    async with endpoint(stripe_sim) as got:
        await stripe_sim.control("POST", "webhook", payment_key=key, types=kinds)
    assert [opened(delivery).type for delivery in got] == kinds


async def test_endpoint_of_another_api_version(stripe_sim: SimulatedStripe) -> None:
    async with endpoint(stripe_sim, api_version="2019-05-16") as got:
        await stripe_sim.paid(webhook="before")
    assert opened(got[0]).api_version == "2019-05-16"


async def test_dispute_moves_the_funds_out_and_back(stripe_sim: SimulatedStripe) -> None:
    key = await stripe_sim.paid()
    async with endpoint(stripe_sim) as got:
        await stripe_sim.control("POST", "dispute", payment_key=key, status="needs_response")
        await wait_until(lambda: len(got) == 2)
        await stripe_sim.control("POST", "dispute", payment_key=key, status="won")
        await wait_until(lambda: len(got) == 4)
    kinds = {opened(delivery).type.removeprefix("charge.dispute.") for delivery in got}
    assert kinds == {"created", "funds_withdrawn", "funds_reinstated", "closed"}
    [dispute] = (await stripe_sim.client.v1.disputes.list_async({"payment_intent": key})).data
    amounts = [each.amount for each in dispute.balance_transactions]
    assert (dispute.status, amounts) == ("won", [-1000, 1000])


async def test_refund_that_fails_says_so(stripe_sim: SimulatedStripe) -> None:
    key = await stripe_sim.paid(method="pm_card_refundFail")
    refund = await stripe_sim.client.v1.refunds.create_async({"payment_intent": key})
    shown = await stripe_sim.client.v1.refunds.retrieve_async(refund.id)
    assert (shown.status, shown.failure_reason) == ("failed", "lost_or_stolen_card")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("pay", {"order_id": "ord_unknown"}),
        ("pay", {"payment_intent": "pi_unknown"}),
        ("pay", {"order_id": "ord_0123456789ab", "method": "4111111111111111"}),
        ("deposit", {"payment_key": "pi_unknown"}),
        ("refund", {"payment_key": "pi_unknown"}),
        ("dispute", {"payment_key": "pi_unknown"}),
        ("webhook", {"payment_key": "pi_unknown"}),
        ("refund_status", {"payment_key": "pi_unknown", "status": "failed"}),
    ],
)
async def test_control_refuses_what_cannot_happen(
    stripe_sim: SimulatedStripe, path: str, body: dict[str, Any]
) -> None:
    await stripe_sim.intent()
    answer = await stripe_sim.http.post(f"{stripe_sim.url}/_sim/{path}", json=body)
    assert answer.status_code == 409
