"""The payments that Stripe lists, by pages of charges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from coinslot.errors import GatewayUnavailable
from coinslot.gateways.base import ListedPayment, Order
from tests.support.stripes import ORDER

if TYPE_CHECKING:
    from tests.support.stripes import SimulatedStripe

HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


async def pages(
    sim: SimulatedStripe, since: datetime | None = None, until: datetime | None = None
) -> list[list[ListedPayment]]:
    async with sim.gateway() as gateway:
        found = gateway.paid_between(since or now() - HOUR, until or now() + HOUR)
        return [page async for page in found]


async def listed(sim: SimulatedStripe, **window: datetime) -> list[ListedPayment]:
    return [each for page in await pages(sim, **window) for each in page]


async def charged(sim: SimulatedStripe, **changes: object) -> str:
    """A paid payment whose charge is shown with these changes."""
    key = await sim.paid()
    charge = sim.simulator.books.all("charge", payment_intent=key)[-1]
    sim.simulator.books.keep({**charge, **changes})
    return key


def copied(sim: SimulatedStripe, number: int, **changes: object) -> str:
    charge, key = sim.simulator.books.all("charge")[0], f"pi_listed{number:04}"
    copy = {"id": f"ch_listed{number:04}", "payment_intent": key}
    sim.simulator.books.keep({**charge, **copy, **changes})
    return key


async def test_what_was_paid_and_nothing_else(stripe_sim: SimulatedStripe) -> None:
    key = await stripe_sim.paid()
    await stripe_sim.intent()
    await stripe_sim.paid(method="pm_card_visa_chargeDeclined")
    await stripe_sim.paid(outcome="awaiting_deposit")
    created = stripe_sim.simulator.books.all("charge", payment_intent=key)[0]["created"]
    at = datetime.fromtimestamp(created, UTC).isoformat()
    assert await listed(stripe_sim) == [
        ListedPayment(ORDER.order_id, key, "USD", 1000, 0, False, at)
    ]


async def test_declined_before_it_is_paid_is_listed_once(stripe_sim: SimulatedStripe) -> None:
    key = await stripe_sim.paid(method="pm_card_visa_chargeDeclined")
    await stripe_sim.pay(payment_intent=key)
    assert [each.payment_key for each in await listed(stripe_sim)] == [key]


@pytest.mark.parametrize("method", ["pm_card_visa", "pm_card_pendingRefund", "pm_card_refundFail"])
async def test_payment_with_refunds_has_to_be_read(
    stripe_sim: SimulatedStripe, method: str
) -> None:
    """Of a charge it is told what was asked to go back, not what did."""
    key = await stripe_sim.paid(method=method)
    await stripe_sim.control("POST", "refund", payment_key=key, amount=300)
    [one] = await listed(stripe_sim)
    assert (one.payment_key, one.paid, one.refunded) == (key, 1000, None)


@pytest.mark.parametrize("status", ["needs_response", "lost", "won"])
async def test_disputed_payment_has_to_be_read(stripe_sim: SimulatedStripe, status: str) -> None:
    """Money taken by a dispute is no refund, and the charge does not say how the dispute ended."""
    key = await stripe_sim.paid()
    await stripe_sim.control("POST", "dispute", payment_key=key, status="needs_response")
    if status != "needs_response":
        await stripe_sim.control("POST", "dispute", payment_key=key, status=status)
    [one] = await listed(stripe_sim)
    assert (one.payment_key, one.paid, one.refunded) == (key, 1000, None)


async def test_intent_that_is_older_than_its_payment(stripe_sim: SimulatedStripe) -> None:
    """An order may be open for days before the buyer pays it."""
    intent = await stripe_sim.intent()
    before = now() + timedelta(days=2)
    await stripe_sim.control("POST", "clock", advance_s=3 * 24 * 3600)
    key = await stripe_sim.pay(payment_intent=intent.id)
    found = await listed(stripe_sim, since=before, until=before + timedelta(days=2))
    assert [each.payment_key for each in found] == [key]


async def test_money_that_takes_days(stripe_sim: SimulatedStripe) -> None:
    """Its charge is as old as its beginning."""
    slow = await stripe_sim.paid(outcome="awaiting_deposit")
    card = await stripe_sim.paid()
    assert [each.payment_key for each in await listed(stripe_sim)] == [card]
    await stripe_sim.control("POST", "clock", advance_s=5 * 24 * 3600)
    await stripe_sim.control("POST", "deposit", payment_key=slow)
    arrived = now() + timedelta(days=4)
    found = await listed(stripe_sim, since=arrived, until=arrived + timedelta(days=2))
    assert [each.payment_key for each in found] == [slow]


async def test_amount_and_mode_as_in_the_database(stripe_sim: SimulatedStripe) -> None:
    order = Order("ord_0123456789ab", "Pack", 11_000, "ISK")
    async with stripe_sim.gateway() as gateway:
        await gateway.prepare(order)
    await stripe_sim.pay(live=True)
    [one] = await listed(stripe_sim)
    assert (one.paid, one.currency, one.live) == (11_000, "ISK", True)


async def test_charges_that_are_not_ours_or_no_money(stripe_sim: SimulatedStripe) -> None:
    nobodys = await charged(stripe_sim, metadata={})
    await charged(stripe_sim, payment_intent=None)
    await charged(stripe_sim, captured=False, amount_captured=0)
    await charged(stripe_sim, status="pending", paid=False)
    assert [(each.payment_key, each.order_id) for each in await listed(stripe_sim)] == [
        (nobodys, "")
    ]


async def test_hundreds_by_pages_while_new_ones_arrive(stripe_sim: SimulatedStripe) -> None:
    expected = {await stripe_sim.paid()}
    expected |= {copied(stripe_sim, number) for number in range(260)}
    seen: list[ListedPayment] = []
    sizes = []
    async with stripe_sim.gateway() as gateway:
        async for page in gateway.paid_between(now() - HOUR, now() + HOUR):
            sizes.append(len(page))
            seen += page
            copied(stripe_sim, 900 + len(sizes))
    assert sizes == [100, 100, 61]
    assert {each.payment_key for each in seen} == expected
    assert len(seen) == 261


async def test_window_keeps_its_edges(stripe_sim: SimulatedStripe) -> None:
    await stripe_sim.paid()
    at = datetime(2026, 11, 1, 15, 30, tzinfo=UTC)
    seconds = {1: -1, 2: 0, 3: 1800, 4: 3599, 5: 3600}
    keys = {
        number: copied(stripe_sim, number, created=int(at.timestamp()) + after)
        for number, after in seconds.items()
    }
    found = await listed(stripe_sim, since=at, until=at + HOUR)
    assert {each.payment_key for each in found} == {keys[2], keys[3], keys[4]}


async def test_nothing_in_the_window(stripe_sim: SimulatedStripe) -> None:
    assert await listed(stripe_sim) == []


@pytest.mark.parametrize(
    "kind", ["error_before", "error_after", "drop_after", "malformed", "html", "rate_limit"]
)
async def test_page_that_does_not_come_is_no_end(stripe_sim: SimulatedStripe, kind: str) -> None:
    await stripe_sim.paid()
    for number in range(120):
        copied(stripe_sim, number)
    async with stripe_sim.gateway() as gateway:
        found = gateway.paid_between(now() - HOUR, now() + HOUR)
        assert len(await anext(found)) == 100
        await stripe_sim.fault(kind, path="/v1/charges")
        with pytest.raises(GatewayUnavailable):
            await anext(found)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_captured": -1},
        {"amount_captured": "many"},
        {"amount_captured": 2**53},
        {"amount_refunded": None},
        {"currency": "wo"},
        {"currency": "isk", "amount_captured": 150},
        {"livemode": None},
        {"status": None},
    ],
)
async def test_charges_that_make_no_sense_are_no_list(
    stripe_sim: SimulatedStripe, changes: dict[str, Any]
) -> None:
    await charged(stripe_sim, **changes)
    with pytest.raises(GatewayUnavailable) as caught:
        await listed(stripe_sim)
    assert caught.value.code == "gateway_nonsense"


async def test_empty_page_that_is_not_the_last_is_no_list(
    stripe_sim: SimulatedStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = {"object": "list", "data": [], "has_more": True, "url": "/v1/charges"}
    monkeypatch.setattr("simulators.stripe.api.page", lambda *_: dict(empty))
    with pytest.raises(GatewayUnavailable) as caught:
        await listed(stripe_sim)
    assert caught.value.code == "gateway_nonsense"
