"""The payments that Toss lists, by pages of transactions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from coinslot.errors import GatewayUnavailable
from coinslot.gateways.base import ListedPayment
from coinslot.gateways.toss import listing as toss_transactions
from simulators.toss.listing import page as page_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coinslot.gateways.toss.adapter import Toss
    from tests.support.toss import SimulatedToss

HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


async def pages(
    gateway: Toss, since: datetime | None = None, until: datetime | None = None
) -> list[list[ListedPayment]]:
    found: AsyncIterator[list[ListedPayment]]
    found = gateway.paid_between(since or now() - HOUR, until or now() + HOUR)
    return [page async for page in found]


async def listed(gateway: Toss, **window: datetime) -> list[ListedPayment]:
    return [each for page in await pages(gateway, **window) for each in page]


def put(toss: SimulatedToss, number: int, **changes: object) -> str:
    """A paid payment as it is in the simulator, without the calls that lead there."""
    key = f"tgen_listed{number:04}"
    toss.simulator.store.put(
        "payment",
        key,
        {**toss.simulator.payments()[0], **changes}
        | {
            "paymentKey": key,
            "orderId": f"ord_listed{number:08}",
        },
    )
    return key


async def test_what_was_paid_and_nothing_else(toss: SimulatedToss) -> None:
    card = await toss.paid("ord_card00000000", 5000)
    deposit = await toss.paid("ord_deposit00000", 7000, outcome="awaiting_deposit")
    waiting = await toss.pay("ord_waiting00000", outcome="awaiting_deposit")
    await toss.confirm(waiting, "ord_waiting00000")
    await toss.pay("ord_agreed000000")
    found = await listed(toss.gateway())
    assert {each.payment_key for each in found} == {card, deposit}
    [one] = [each for each in found if each.payment_key == card]
    payment = (await toss.call("GET", f"/{card}")).json()
    approved = datetime.fromisoformat(payment["approvedAt"]).astimezone(UTC).isoformat()
    assert one == ListedPayment("ord_card00000000", card, "KRW", 5000, None, False, approved)


async def test_payment_is_listed_once_whatever_went_back(toss: SimulatedToss) -> None:
    """A cancel is a transaction of its own, so what is back is not known from the list."""
    part, whole = await toss.paid("ord_part00000000"), await toss.paid("ord_whole0000000")
    for _ in range(2):
        await toss.cancel(part, cancelAmount=1000)
    await toss.cancel(whole)
    found = await listed(toss.gateway())
    assert sorted((each.payment_key, each.paid, each.refunded) for each in found) == sorted(
        [(part, 5000, None), (whole, 5000, None)]
    )


async def test_amount_with_decimals_in_minor_units(toss: SimulatedToss) -> None:
    await toss.paid("ord_dollars00000", 181.56, currency="USD")
    [one] = await listed(toss.gateway())
    assert (one.paid, one.currency) == (18156, "USD")


async def test_hundreds_by_pages_while_new_ones_arrive(
    toss: SimulatedToss, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toss_transactions, "_PAGE", 40)
    expected = {await toss.paid("ord_first0000000")}
    expected |= {put(toss, number) for number in range(260)}
    seen: list[ListedPayment] = []
    sizes = []
    async for page in toss.gateway().paid_between(now() - HOUR, now() + HOUR):
        sizes.append(len(page))
        seen += page
        if len(sizes) == 3:
            later = (now() + timedelta(minutes=5)).isoformat()
            expected.add(put(toss, 900, approvedAt=later))
    assert (len(sizes), max(sizes)) == (7, 40)
    assert len(seen) == len(expected) == 262
    assert {each.payment_key for each in seen} == expected


async def test_page_that_toss_cuts_short_is_not_the_last(
    toss: SimulatedToss, monkeypatch: pytest.MonkeyPatch
) -> None:
    await toss.paid("ord_first0000000")
    for number in range(30):
        put(toss, number)
    monkeypatch.setattr("simulators.toss.listing._LARGEST", 10)
    assert [len(page) for page in await pages(toss.gateway())] == [10, 10, 10, 1]


async def test_window_is_in_korean_time_and_keeps_its_edges(toss: SimulatedToss) -> None:
    await toss.paid("ord_first0000000", webhook="none")
    toss.simulator.store.clear()
    at = datetime(2026, 11, 1, 15, 30, tzinfo=UTC)
    await toss.paid("ord_again0000000")
    template = toss.simulator.payments()[0]
    toss.simulator.store.clear()
    times = {"before": -1, "first": 0, "inside": 1800, "last": 3599, "after": 3602}
    for name, seconds in times.items():
        approved = (at + timedelta(seconds=seconds)).isoformat()
        changes = {"paymentKey": f"tgen_{name}", "approvedAt": approved}
        toss.simulator.store.put("payment", f"tgen_{name}", {**template, **changes})
    found = await listed(toss.gateway(), since=at, until=at + HOUR)
    assert [each.payment_key for each in found] == ["tgen_first", "tgen_inside", "tgen_last"]
    assert found[0].paid_at == "2026-11-01T15:30:00+00:00"


@pytest.mark.parametrize("zone", ["+09:00", ""])
async def test_time_without_a_zone_is_koreas(
    toss: SimulatedToss, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    await toss.paid("ord_first0000000")
    whole = toss_transactions.window(now() - HOUR, now() + HOUR)
    [row] = page_of(toss.simulator.payments(), whole)
    pages_left = [[{**row, "transactionAt": f"2026-11-02T00:30:00{zone}"}], []]
    monkeypatch.setattr("simulators.toss.api.page", lambda *_: pages_left.pop(0))
    [one] = await listed(toss.gateway())
    assert one.paid_at == "2026-11-01T15:30:00+00:00"


async def test_page_of_cancels_only_is_passed_over(
    toss: SimulatedToss, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toss_transactions, "_PAGE", 2)
    first = await toss.paid("ord_first0000000")
    for _ in range(4):
        await toss.cancel(first, cancelAmount=100)
    later = (now() + timedelta(minutes=5)).isoformat()
    last = put(toss, 1, approvedAt=later, cancels=None)
    keys = [[each.payment_key for each in page] for page in await pages(toss.gateway())]
    assert keys == [[first], [last]]


async def test_nothing_in_the_window(toss: SimulatedToss) -> None:
    assert await pages(toss.gateway()) == []


@pytest.mark.parametrize(
    "kind", ["error_before", "error_after", "drop_after", "malformed", "html", "rate_limit"]
)
async def test_page_that_does_not_come_is_no_end(
    toss: SimulatedToss, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toss_transactions, "_PAGE", 2)
    await toss.paid("ord_first0000000")
    for number in range(4):
        put(toss, number)
    found = toss.gateway().paid_between(now() - HOUR, now() + HOUR)
    assert len(await anext(found)) == 2
    await toss.fault(kind, next=1, path="/transactions")
    with pytest.raises(GatewayUnavailable):
        await anext(found)


@pytest.mark.parametrize(
    "changes",
    [
        {"totalAmount": "many"},
        {"totalAmount": 10.5},
        {"totalAmount": -1},
        {"totalAmount": 2**53},
        {"currency": "₩"},
        {"orderId": {}},
    ],
)
async def test_rows_that_make_no_sense_are_no_list(
    toss: SimulatedToss, changes: dict[str, Any]
) -> None:
    key = await toss.paid("ord_first0000000")
    payment = {**toss.simulator.payments()[0], **changes}
    toss.simulator.store.put("payment", key, payment)
    with pytest.raises(GatewayUnavailable) as caught:
        await listed(toss.gateway())
    assert caught.value.code == "gateway_nonsense"


async def test_list_that_does_not_go_on_is_no_list(
    toss: SimulatedToss, monkeypatch: pytest.MonkeyPatch
) -> None:
    await toss.paid("ord_first0000000")
    whole = toss_transactions.window(now() - HOUR, now() + HOUR)
    repeated = page_of(toss.simulator.payments(), whole)
    monkeypatch.setattr("simulators.toss.api.page", lambda *_: repeated)
    with pytest.raises(GatewayUnavailable) as caught:
        await listed(toss.gateway())
    assert caught.value.code == "gateway_nonsense"


async def test_wrong_keys_are_named_as_the_reason(toss: SimulatedToss) -> None:
    with pytest.raises(GatewayUnavailable) as caught:
        await listed(toss.gateway(secret_key="test_sk_another"))
    assert caught.value.code == "gateway_rejected_keys"
