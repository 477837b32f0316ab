"""The payments that moved at Toss, by pages of transactions."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from coinslot.errors import GatewayUnavailable
from coinslot.gateways.listing import ListedPage, ListedPayment
from coinslot.gateways.toss import listing as toss_transactions
from simulators.toss.listing import page as page_of

if TYPE_CHECKING:
    from coinslot.gateways.toss.adapter import Toss
    from tests.support.toss import SimulatedToss

HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


async def pages(
    gateway: Toss, since: datetime | None = None, until: datetime | None = None
) -> list[ListedPage]:
    found = gateway.moved_between(since or now() - HOUR, until or now() + HOUR)
    return [page async for page in found]


async def listed(gateway: Toss, **window: datetime) -> list[ListedPayment]:
    return [each for page in await pages(gateway, **window) for each in page.payments]


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
    await toss.pay("ord_agreed000000")
    [one] = await listed(toss.gateway())
    payment = (await toss.call("GET", f"/{card}")).json()
    approved = datetime.fromisoformat(payment["approvedAt"]).astimezone(UTC).isoformat()
    assert one == ListedPayment("ord_card00000000", card, "KRW", False, approved, paid=5000)


async def test_account_that_waits_and_one_that_was_paid(toss: SimulatedToss) -> None:
    """The account that was issued says that nothing was paid by then, and is overtaken."""
    deposit = await toss.paid("ord_deposit00000", 7000, outcome="awaiting_deposit")
    waiting = await toss.pay("ord_waiting00000", outcome="awaiting_deposit")
    await toss.confirm(waiting, "ord_waiting00000")
    found = {each.payment_key: each.paid for each in await listed(toss.gateway())}
    assert found == {deposit: 7000, waiting: 0}


async def test_deposit_that_was_undone_is_seen_on_its_day(toss: SimulatedToss) -> None:
    deposit = await toss.paid("ord_deposit00000", 7000, outcome="awaiting_deposit")
    await toss.control("POST", "clock", advance_s=86400)
    await toss.control("POST", "undo_deposit", payment_key=deposit)
    day = now() + timedelta(days=1)
    [one] = await listed(toss.gateway(), since=day - HOUR, until=day + HOUR)
    assert (one.payment_key, one.paid) == (deposit, 0)


async def test_cancel_is_seen_on_its_day(toss: SimulatedToss) -> None:
    """Of a part it is not told what had gone back before: that has to be read. Of the whole it is
    told that nothing is left."""
    part, whole = await toss.paid("ord_part00000000"), await toss.paid("ord_whole0000000")
    await toss.control("POST", "clock", advance_s=86400)
    for _ in range(2):
        await toss.cancel(part, cancelAmount=1000)
    await toss.cancel(whole, cancelAmount=1000)
    await toss.cancel(whole)
    day = now() + timedelta(days=1)
    found = await listed(toss.gateway(), since=day - HOUR, until=day + HOUR)
    assert sorted((each.payment_key, each.unclear, each.left) for each in found) == sorted(
        [(part, True, None), (whole, False, 0)]
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
    async for page in toss.gateway().moved_between(now() - HOUR, now() + HOUR):
        sizes.append(len(page.payments))
        seen += page.payments
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
    assert [len(page.payments) for page in await pages(toss.gateway())] == [10, 10, 10, 1]


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
    assert found[0].moved_at == "2026-11-01T15:30:00+00:00"


@pytest.mark.parametrize("zone", ["+09:00", ""])
async def test_time_without_a_zone_is_koreas(
    toss: SimulatedToss, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    await toss.paid("ord_first0000000")
    whole = toss_transactions.window(now() - HOUR, now() + HOUR)
    [row] = page_of(toss.simulator.payments(), [], whole)
    pages_left = [[{**row, "transactionAt": f"2026-11-02T00:30:00{zone}"}], []]
    monkeypatch.setattr("simulators.toss.api.page", lambda *_: pages_left.pop(0))
    [one] = await listed(toss.gateway())
    assert one.moved_at == "2026-11-01T15:30:00+00:00"


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
    found = toss.gateway().moved_between(now() - HOUR, now() + HOUR)
    assert len((await anext(found)).payments) == 2
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
        {"currency": "MUSD"},
        {"orderId": {}},
    ],
)
async def test_odd_row_hides_none_of_the_others(
    toss: SimulatedToss, changes: dict[str, Any]
) -> None:
    odd = await toss.paid("ord_first0000000")
    fine = put(toss, 1)
    payment = {**toss.simulator.payments()[0], **changes}
    toss.simulator.store.put("payment", odd, payment)
    [page] = await pages(toss.gateway())
    assert [each.payment_key for each in page.payments] == [fine]
    assert [each.key for each in page.odd] == [odd]


def row(number: int, **changes: object) -> dict[str, Any]:
    return {
        "transactionKey": f"txkey_{number}",
        "paymentKey": f"tgen_row{number:05}",
        "orderId": "ord_000000000000",
        "status": "DONE",
        "amount": 5000,
        "currency": "KRW",
        "transactionAt": "2026-11-02T00:30:00+09:00",
        **changes,
    }


ODD: list[Any] = [
    *(row(1, status="HALF_DONE"), row(2, currency="MUSD"), row(3, amount=None), row(4, amount="")),
    *(row(5, paymentKey=None), row(6, paymentKey="x" * 256), row(7, transactionAt="soon")),
    *(None, 1, "text", [], {}, row(8, paymentKey=""), row(9, status=None), row(10, amount=1e99)),
    row(11, transactionAt="0001-01-01T00:00:00+09:00"),
]


async def test_thousand_odd_rows_in_constant_memory(
    toss: SimulatedToss, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And every one is counted, on whichever page; the good ones between them are all there."""
    monkeypatch.setattr(toss_transactions, "_PAGE", 16)
    listing = [
        [*ODD, row(100 + number, paymentKey=f"tgen_{text}{number:05}")]
        for number, text in zip(range(70), itertools.cycle(("\x00a", "\ud800b", "é", "\x1b[31m")))
    ]
    monkeypatch.setattr("simulators.toss.api.page", lambda *_: listing.pop() if listing else [])
    found = await pages(toss.gateway())
    assert sum(len(page.odd) for page in found) == 70 * len(ODD) > 1000
    assert sum(len(page.payments) for page in found) == 70
    json.dumps([asdict(page) for page in found]).encode()
    assert all(each.key.isprintable() for page in found for each in page.odd)


async def test_same_payment_twice_and_out_of_order_is_one(
    toss: SimulatedToss, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = {"paymentKey": "tgen_same"}
    later = "2026-11-02T00:31:00+09:00"
    listing = [
        [row(3, **again, status="CANCELED", transactionAt=later), row(1, **again), row(1, **again)],
        [],
    ]
    monkeypatch.setattr("simulators.toss.api.page", lambda *_: listing.pop(0))
    [one] = await listed(toss.gateway())
    assert (one.paid, one.left, one.moved_at) == (5000, 0, "2026-11-01T15:31:00+00:00")


@pytest.mark.parametrize("rows", [[None], [{**row(1), "transactionKey": None}]])
async def test_page_without_a_key_to_go_on_from_is_no_list(
    toss: SimulatedToss, monkeypatch: pytest.MonkeyPatch, rows: list[Any]
) -> None:
    monkeypatch.setattr("simulators.toss.api.page", lambda *_: rows)
    with pytest.raises(GatewayUnavailable) as caught:
        await listed(toss.gateway())
    assert caught.value.code == "gateway_nonsense"


async def test_list_that_does_not_go_on_is_no_list(
    toss: SimulatedToss, monkeypatch: pytest.MonkeyPatch
) -> None:
    await toss.paid("ord_first0000000")
    whole = toss_transactions.window(now() - HOUR, now() + HOUR)
    repeated = page_of(toss.simulator.payments(), [], whole)
    monkeypatch.setattr("simulators.toss.api.page", lambda *_: repeated)
    with pytest.raises(GatewayUnavailable) as caught:
        await listed(toss.gateway())
    assert caught.value.code == "gateway_nonsense"


async def test_wrong_keys_are_named_as_the_reason(toss: SimulatedToss) -> None:
    with pytest.raises(GatewayUnavailable) as caught:
        await listed(toss.gateway(secret_key="test_sk_another"))
    assert caught.value.code == "gateway_rejected_keys"
