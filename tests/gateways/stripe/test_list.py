"""The payments that moved at Stripe: by pages of events, and of what is older by its lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from coinslot.errors import GatewayUnavailable
from coinslot.gateways.base import Order
from coinslot.gateways.listing import ListedPage, ListedPayment
from tests.support.stripes import ORDER

if TYPE_CHECKING:
    from tests.support.stripes import SimulatedStripe

HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


async def pages(
    sim: SimulatedStripe, since: datetime | None = None, until: datetime | None = None
) -> list[ListedPage]:
    async with sim.gateway() as gateway:
        found = gateway.moved_between(since or now() - HOUR, until or now() + HOUR)
        return [page async for page in found]


async def listed(sim: SimulatedStripe, **window: datetime) -> list[ListedPayment]:
    return [each for page in await pages(sim, **window) for each in page.payments]


def shown_as(sim: SimulatedStripe, number: int, **changes: object) -> str:
    """Another payment, whose event shows its charge with these changes."""
    event, key = sim.simulator.books.all("event", type="charge.succeeded")[0], f"pi_l{number:04}"
    charge = {**event["data"]["object"], "payment_intent": key, **changes}
    made = {"id": f"evt_l{number:04}", "data": {"object": charge}}
    sim.simulator.books.keep({**event, **made})
    return key


def dated(sim: SimulatedStripe, number: int, created: int) -> str:
    key = shown_as(sim, number)
    event = sim.simulator.books.one("event", f"evt_l{number:04}")
    sim.simulator.books.keep({**event, "created": created})
    return key


async def later(sim: SimulatedStripe, days: int) -> dict[str, datetime]:
    """The window in which it is so many days later."""
    await sim.control("POST", "clock", advance_s=days * 86400)
    at = now() + timedelta(days=days)
    return {"since": at - HOUR, "until": at + HOUR}


async def test_what_was_paid_and_nothing_else(stripe_sim: SimulatedStripe) -> None:
    key = await stripe_sim.paid()
    await stripe_sim.intent()
    await stripe_sim.paid(method="pm_card_visa_chargeDeclined")
    await stripe_sim.paid(outcome="awaiting_deposit")
    [one] = await listed(stripe_sim)
    assert one == ListedPayment(
        ORDER.order_id, key, "USD", False, one.moved_at, paid=1000, left=1000
    )


async def test_refund_and_dispute_are_seen_on_their_day(stripe_sim: SimulatedStripe) -> None:
    """Though the charge is of another day."""
    part, whole = await stripe_sim.paid(), await stripe_sim.paid()
    disputed, lost, won = [await stripe_sim.paid() for _ in range(3)]
    for key in (lost, won):
        await stripe_sim.control("POST", "dispute", payment_key=key, status="needs_response")
    window = await later(stripe_sim, 2)
    await stripe_sim.control("POST", "refund", payment_key=part, amount=300)
    await stripe_sim.control("POST", "refund", payment_key=whole)
    for key, status in ((disputed, "needs_response"), (lost, "lost"), (won, "won")):
        await stripe_sim.control("POST", "dispute", payment_key=key, status=status)
    found = {each.payment_key: each for each in await listed(stripe_sim, **window)}
    assert {key: (one.paid, one.left) for key, one in found.items() if one.paid} == {
        part: (1000, 700),
        whole: (1000, 0),
    }
    assert {key: (one.disputed, one.withdrawn) for key, one in found.items() if not one.paid} == {
        disputed: (1000, None),
        lost: (0, 1000),
        won: (0, 0),
    }


@pytest.mark.parametrize("method", ["pm_card_pendingRefund", "pm_card_refundFail"])
async def test_refund_that_has_not_arrived_has_to_be_read(
    stripe_sim: SimulatedStripe, method: str
) -> None:
    key = await stripe_sim.paid(method=method)
    await stripe_sim.control("POST", "refund", payment_key=key, amount=300)
    [one] = await listed(stripe_sim)
    assert (one.payment_key, one.unclear) == (key, True)


async def test_what_is_older_than_events_is_seen_in_the_lists(stripe_sim: SimulatedStripe) -> None:
    """As it is now: also what moved after the window."""
    plain, disputed = await stripe_sim.paid(), await stripe_sim.paid()
    refunded = await stripe_sim.paid()
    await stripe_sim.control("POST", "refund", payment_key=refunded, amount=300)
    events = stripe_sim.simulator.books.all("event")
    old = int((now() - timedelta(days=40)).timestamp())
    await stripe_sim.control("POST", "dispute", payment_key=disputed, status="needs_response")
    for kind in ("charge", "refund", "dispute"):
        for each in stripe_sim.simulator.books.all(kind):
            stripe_sim.simulator.books.keep({**each, "created": old})
    for each in events:
        stripe_sim.simulator.books.keep({**each, "created": old})
    at = datetime.fromtimestamp(old, UTC)
    found = await pages(stripe_sim, at - HOUR, at + HOUR)
    told = [(e.payment_key, e.paid, e.left, e.unclear) for page in found for e in page.payments]
    assert sorted(told[:3]) == sorted(
        [(plain, 1000, 1000, False), (disputed, 1000, 1000, True), (refunded, 1000, 700, False)]
    )
    assert [each[0] for each in told[3:]] == [refunded, disputed]


async def test_declined_before_it_is_paid_is_listed_once(stripe_sim: SimulatedStripe) -> None:
    key = await stripe_sim.paid(method="pm_card_visa_chargeDeclined")
    await stripe_sim.pay(payment_intent=key)
    assert [each.payment_key for each in await listed(stripe_sim)] == [key]


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
    await stripe_sim.paid()
    nobodys = shown_as(stripe_sim, 1, metadata={})
    shown_as(stripe_sim, 2, payment_intent=None)
    shown_as(stripe_sim, 3, captured=False, amount_captured=0)
    shown_as(stripe_sim, 4, status="pending", paid=False)
    found = await listed(stripe_sim)
    assert [each.payment_key for each in found if not each.order_id] == [nobodys]
    assert len(found) == 2


async def test_hundreds_by_pages_while_new_ones_arrive(stripe_sim: SimulatedStripe) -> None:
    expected = {await stripe_sim.paid()}
    expected |= {shown_as(stripe_sim, number) for number in range(260)}
    seen: list[ListedPayment] = []
    sizes = []
    async with stripe_sim.gateway() as gateway:
        async for page in gateway.moved_between(now() - HOUR, now() + HOUR):
            sizes.append(len(page.payments))
            seen += page.payments
            shown_as(stripe_sim, 900 + len(sizes))
    assert sizes == [100, 100, 61]
    assert {each.payment_key for each in seen} == expected
    assert len(seen) == 261


async def test_window_keeps_its_edges(stripe_sim: SimulatedStripe) -> None:
    await stripe_sim.paid()
    at = (now() - timedelta(days=3)).replace(microsecond=0)
    seconds = {1: -1, 2: 0, 3: 1800, 4: 3599, 5: 3600}
    keys = {
        number: dated(stripe_sim, number, int(at.timestamp()) + after)
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
        shown_as(stripe_sim, number)
    async with stripe_sim.gateway() as gateway:
        found = gateway.moved_between(now() - HOUR, now() + HOUR)
        assert len((await anext(found)).payments) == 100
        await stripe_sim.fault(kind, path="/v1/events")
        with pytest.raises(GatewayUnavailable):
            await anext(found)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_captured": -1},
        {"amount_captured": "many"},
        {"amount_captured": 2**53},
        {"amount_refunded": None},
        {"amount_refunded": 1001},
        {"currency": "wo"},
        {"currency": "MUSD"},
        {"currency": "isk", "amount_captured": 150},
        {"status": None},
        {"status": "half"},
        {"object": "chargé"},
        {"payment_intent": "pi_" + "x" * 300},
    ],
)
async def test_odd_event_hides_none_of_the_others(
    stripe_sim: SimulatedStripe, changes: dict[str, Any]
) -> None:
    fine = await stripe_sim.paid()
    shown_as(stripe_sim, 1, **changes)
    [page] = await pages(stripe_sim)
    assert [each.payment_key for each in page.payments] == [fine]
    assert [each.key for each in page.odd] == ["evt_l0001"]


async def test_empty_page_that_is_not_the_last_is_no_list(
    stripe_sim: SimulatedStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = {"object": "list", "data": [], "has_more": True, "url": "/v1/events"}
    monkeypatch.setattr("simulators.stripe.api.page", lambda *_: dict(empty))
    with pytest.raises(GatewayUnavailable) as caught:
        await listed(stripe_sim)
    assert caught.value.code == "gateway_nonsense"
