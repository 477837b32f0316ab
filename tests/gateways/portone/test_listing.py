"""PortOne's lists of payments, walked by both clients: nothing that was paid is missed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from coinslot.errors import GatewayUnavailable
from coinslot.gateways.base import ListedPayment
from coinslot.gateways.portone.listing import received
from coinslot.gateways.registry import open_gateways
from tests.gateways.portone.test_v2_beside_v1 import V2, pay_at_v1, v1_url
from tests.gateways.portone.v1.test_adapter import sample as v1_sample
from tests.gateways.portone.v2.test_adapter import cancellation
from tests.gateways.portone.v2.test_adapter import sample as v2_sample
from tests.support.refunds import keys
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coinslot.gateways.base import Gateway
    from tests.support.portone import Simulated
    from tests.support.portone_v2 import SimulatedV2

Pages = list[list[ListedPayment]]
DAY = timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + DAY


async def walk(
    gateway: Gateway,
    since: datetime = START,
    until: datetime = END,
    seen: Pages | None = None,
) -> Pages:
    """Every page; `seen` has those before a failure."""
    pages: Pages = [] if seen is None else seen
    async for page in gateway.paid_between(since, until):
        pages.append(page)
    return pages


def put_v1(sim: Simulated, number: int, at: datetime, **changes: Any) -> str:  # noqa: ANN401
    """A payment of that time; the same sample otherwise."""
    imp_uid = f"imp_{number:012d}"
    times = {"paid_at": int(at.timestamp()), "started_at": int(at.timestamp()) - 60}
    payment = v1_sample("payment_paid", imp_uid=imp_uid, merchant_uid=f"ord_{number:012d}")
    sim.simulator.store.put("payment", imp_uid, {**payment, **times, **changes})
    return imp_uid


def put_v2(v2: SimulatedV2, number: int, when: datetime, **changes: Any) -> str:  # noqa: ANN401
    transaction = f"tx-{number:08d}"
    at = when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    times = {"paidAt": at, "statusChangedAt": at, "requestedAt": at}
    payment = v2_sample("paid", id=f"ord_{number:012d}", transactionId=transaction)
    v2.simulator.store.put("payment", transaction, {**payment, **times, **changes})
    return transaction


class TestV1:
    async def test_shows_what_was_received_and_what_is_back(self, sim: Simulated) -> None:
        put_v1(sim, 1, START)
        canceled = {"status": "cancelled", "cancel_amount": 11000, "cancelled_at": 1776000000}
        put_v1(sim, 2, START + DAY / 2, cancel_amount=1100)
        put_v1(sim, 3, START + DAY / 2, **canceled, sandbox=True)
        put_v1(sim, 4, START, amount=9.6, currency="USD")
        # Never paid: a virtual account that was given up, a failure, an open window.
        put_v1(sim, 5, START, status="cancelled", paid_at=0, cancelled_at=1776000000)
        put_v1(sim, 6, START, status="failed", paid_at=0)
        put_v1(sim, 7, START, status="ready", paid_at=0)
        listed = {one.payment_key: one for page in await walk(sim.gateway()) for one in page}
        assert {key[-1]: (one.paid, one.refunded, one.live) for key, one in listed.items()} == {
            "1": (11000, 0, True),
            "2": (11000, 1100, True),
            "3": (11000, 11000, False),
            "4": (960, 0, True),
        }
        assert listed["imp_000000000001"] == ListedPayment(
            order_id="ord_000000000001",
            payment_key="imp_000000000001",
            currency="KRW",
            paid=11000,
            refunded=0,
            live=True,
            paid_at="2026-03-01T00:00:00+00:00",
        )

    async def test_only_of_its_time(self, sim: Simulated) -> None:
        for number, at in enumerate((START - DAY / 2, START, END - DAY / 2, END + DAY / 2)):
            put_v1(sim, number, at)
        assert keys(await walk(sim.gateway())) == ["imp_000000000001", "imp_000000000002"]
        assert await walk(sim.gateway(), START - 9 * DAY, START - 8 * DAY) == []

    async def test_windows_longer_than_portone_takes_are_split(self, sim: Simulated) -> None:
        days = range(0, 400, 30)
        made = [put_v1(sim, day, START - day * DAY) for day in days]
        found = keys(await walk(sim.gateway(), START - 400 * DAY, END))
        assert found == made[::-1]

    async def test_cancelled_long_after_it_was_paid(self, sim: Simulated) -> None:
        later = {"status": "cancelled", "cancel_amount": 11000}
        made = put_v1(sim, 1, START, **later, cancelled_at=int((START + 200 * DAY).timestamp()))
        assert keys(await walk(sim.gateway())) == [made]

    @pytest.mark.parametrize("spread", [DAY / 400, timedelta(0)], ids=["a day", "one second"])
    async def test_pages(self, sim: Simulated, spread: timedelta) -> None:
        made = {put_v1(sim, number, START + number * spread) for number in range(401)}
        pages = await walk(sim.gateway())
        assert set(keys(pages)) == made
        assert len(keys(pages)) == len(made)
        assert max(map(len, pages)) <= 200

    async def test_what_does_not_parse_holds_up_nothing_and_is_not_passed_over(
        self, sim: Simulated
    ) -> None:
        put_v1(sim, 1, START)
        put_v1(sim, 2, START, cancel_amount=None)
        put_v1(sim, 3, START)
        seen: Pages = []
        with pytest.raises(GatewayUnavailable) as caught:
            await walk(sim.gateway(), seen=seen)
        assert caught.value.code == "gateway_nonsense"
        assert keys(seen) == ["imp_000000000001", "imp_000000000003"]


class TestV2:
    async def test_shows_what_was_received_and_what_is_back(self, v2: SimulatedV2) -> None:
        put_v2(v2, 1, START)
        put_v2(v2, 2, START, status="PARTIAL_CANCELLED", cancellations=[cancellation()])
        put_v2(v2, 3, START, status="CANCELLED", cancellations=[cancellation(11000)])
        put_v2(v2, 4, START, cancellations=[cancellation(status="REQUESTED")])
        taken = [cancellation(11000, trigger="CHARGEBACK")]
        put_v2(v2, 5, START, status="CANCELLED", cancellations=taken)
        put_v2(v2, 6, START, currency="USD", channel={"type": "LIVE"})
        for number, status in enumerate(("FAILED", "READY", "VIRTUAL_ACCOUNT_ISSUED"), 7):
            put_v2(v2, number, START, status=status)
        put_v2(v2, 11, START, storeId="store-other")
        unpaid = {"type": "PaymentMethodVirtualAccount", "accountNumber": "1"}
        given_up = put_v2(v2, 10, START, status="CANCELLED", method=unpaid)
        await v2.control("PATCH", f"payments/{given_up}", paidAt=None)
        listed = {one.payment_key: one for page in await walk(v2.gateway()) for one in page}
        assert {key[-1]: (one.paid, one.refunded, one.live) for key, one in listed.items()} == {
            "1": (11000, 0, False),
            "2": (11000, 1100, False),
            "3": (11000, 11000, False),
            # Under way, or taken by the bank: to be read.
            "4": (11000, None, False),
            "5": (11000, None, False),
            "6": (11000, 0, True),
        }
        assert (listed["tx-00000001"].order_id, listed["tx-00000001"].paid_at) == (
            "ord_000000000001",
            "2026-03-01T00:00:00+00:00",
        )

    async def test_only_of_its_time_also_when_canceled_long_after(self, v2: SimulatedV2) -> None:
        for number, at in enumerate((START - DAY / 2, START, END - DAY / 2, END + DAY / 2)):
            put_v2(v2, number, at)
        later = (START + 200 * DAY).isoformat()
        canceled = {"status": "CANCELLED", "cancellations": [cancellation(11000)]}
        put_v2(v2, 9, START, statusChangedAt=later, **canceled)
        assert keys(await walk(v2.gateway())) == ["tx-00000001", "tx-00000002", "tx-00000009"]

    async def test_order_of_many_attempts_is_one_payment(self, v2: SimulatedV2) -> None:
        await v2.pay(outcome="failed")
        paid = await v2.pay()
        now = datetime.now(UTC)
        assert keys(await walk(v2.gateway(), now - DAY, now + DAY)) == [paid]

    @pytest.mark.parametrize("spread", [DAY / 300, timedelta(0)], ids=["a day", "one moment"])
    async def test_pages(self, v2: SimulatedV2, spread: timedelta) -> None:
        made = {put_v2(v2, number, START + number * spread) for number in range(270)}
        pages = await walk(v2.gateway())
        assert set(keys(pages)) == made
        assert max(map(len, pages)) <= 100

    async def test_what_does_not_parse_holds_up_nothing_and_is_not_passed_over(
        self, v2: SimulatedV2
    ) -> None:
        put_v2(v2, 1, START)
        put_v2(v2, 2, START, amount={})
        put_v2(v2, 3, START, paidAt="2026-03-01T00:00:00")
        seen: Pages = []
        with pytest.raises(GatewayUnavailable):
            await walk(v2.gateway(), seen=seen)
        assert keys(seen) == ["tx-00000001"]

    @pytest.mark.parametrize("answer", [{}, {"items": []}, {"items": {}, "page": {}}, []])
    async def test_answer_that_is_no_list(self, v2: SimulatedV2, answer: object) -> None:
        response = httpx.Response(200, json=answer)
        async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: response)) as http:
            gateway = type(v2)(v2.simulator, v2.url, http).gateway()
            with pytest.raises(GatewayUnavailable):
                await walk(gateway)


class TestBoth:
    async def test_each_tells_of_its_own(self, v2: SimulatedV2) -> None:
        addresses = {"portone_api_url": v2.url, "iamport_api_url": v1_url(v2)}
        gateway = open_gateways(settings(**V2, **addresses), v2.http)["portone"]
        imp_uid = await pay_at_v1(v2, "ord_begun-with-v1")
        transaction = await v2.pay()
        # V2 shows V1's payments of the same store as well.
        now = datetime.now(UTC)
        put_v2(v2, 1, now, id="ord_begun-with-v1", transactionId=imp_uid, version="V1")
        assert keys(await walk(gateway, now - DAY, now + DAY)) == [transaction, imp_uid]


@pytest.mark.parametrize(
    "kind", ["error_before", "drop_after", "malformed", "rate_limit", "refused"]
)
async def test_page_without_an_answer_ends_the_walk(
    sim: Simulated, v2: SimulatedV2, kind: str
) -> None:
    put_v1(sim, 1, START)
    put_v2(v2, 1, START)
    await sim.fault(kind, next=1, path="/status")
    await v2.fault(kind, next=1, path="/payments")
    for gateway in (sim.gateway(), v2.gateway()):
        with pytest.raises(GatewayUnavailable):
            await walk(gateway)
        assert len(keys(await walk(gateway))) == 1


class Moving:
    """A list of 300 payments that changes at every look: one of those paid is cancelled, another
    one is paid; ten to a page."""

    def __init__(self) -> None:
        self.paid = {number: number // 3 for number in range(300)}
        self.canceled: dict[int, int] = {}
        self.clock = 1000

    async def look(self, of: dict[int, int], first: int, last: int, page: int) -> Any:  # noqa: ANN401
        found = sorted(number for number, when in of.items() if first <= when <= last)
        rows, more = found[page * 10 : page * 10 + 10], len(found) > page * 10 + 10
        await asyncio.sleep(0)
        self.clock += 1
        gone = min(self.paid, key=lambda number: (number * 7919) % 311)
        del self.paid[gone]
        self.canceled[gone] = self.clock
        self.paid[1000 + self.clock] = self.clock
        return rows, more

    def walk(self) -> AsyncIterator[list[ListedPayment]]:
        return received(
            lambda *window: self.look(self.paid, *window),
            lambda *window: self.look(self.canceled, *window),
            lambda row: ListedPayment("", str(row), "KRW", 1, 0, True, START.isoformat()),
            datetime.fromtimestamp(0, UTC),
            START,
        )


async def test_what_moves_while_it_is_walked_is_not_missed() -> None:
    seen = {one.payment_key async for page in Moving().walk() for one in page}
    assert {str(number) for number in range(300)} <= seen
