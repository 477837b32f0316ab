"""PortOne's lists of payments, walked by both clients: nothing that moved is missed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from coinslot.errors import GatewayUnavailable
from coinslot.gateways.listing import ListedPage, ListedPayment
from coinslot.gateways.portone.listing import moved
from coinslot.gateways.portone.v1 import listing as v1_listing
from coinslot.gateways.registry import open_gateways
from simulators.portone.v1 import api as simulated_v1
from tests.gateways.portone.listings import DAY, END, START, put_v1, put_v2, walk
from tests.gateways.portone.test_v2_beside_v1 import V2, pay_at_v1, v1_url
from tests.gateways.portone.v2.test_adapter import cancellation
from tests.support.refunds import keys
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.portone import Simulated
    from tests.support.portone_v2 import SimulatedV2

Pages = list[ListedPage]


class TestV1:
    async def test_shows_what_was_received_and_what_is_back(self, sim: Simulated) -> None:
        put_v1(sim, 1, START)
        at = int((START + DAY / 2).timestamp())
        canceled = {"status": "cancelled", "cancel_amount": 11000, "cancelled_at": at}
        put_v1(sim, 2, START + DAY / 2, cancel_amount=1100)
        put_v1(sim, 3, START + DAY / 2, **canceled, sandbox=True)
        put_v1(sim, 4, START, amount=9.6, currency="USD")
        # Never paid: a virtual account that was given up, a failure, an open window.
        put_v1(sim, 5, START, status="cancelled", paid_at=0, cancelled_at=at)
        put_v1(sim, 6, START, status="failed", paid_at=0)
        put_v1(sim, 7, START, status="ready", paid_at=0)
        listed = {
            one.payment_key: one for page in await walk(sim.gateway()) for one in page.payments
        }
        assert {key[-1]: (one.paid, one.refunded, one.live) for key, one in listed.items()} == {
            "1": (11000, 0, True),
            "2": (11000, 1100, True),
            "3": (11000, 11000, False),
            "4": (960, 0, True),
            "5": (0, 0, True),
        }
        assert listed["imp_000000000001"] == ListedPayment(
            order_id="ord_000000000001",
            payment_key="imp_000000000001",
            currency="KRW",
            live=True,
            moved_at="2026-03-01T00:00:00+00:00",
            paid=11000,
            refunded=0,
            refunding=0,
            disputed=0,
            withdrawn=0,
        )

    async def test_only_of_its_time(self, sim: Simulated) -> None:
        for number, at in enumerate((START - DAY / 2, START, END - DAY / 2, END + DAY / 2)):
            put_v1(sim, number, at)
        assert keys(await walk(sim.gateway())) == ["imp_000000000001", "imp_000000000002"]
        assert keys(await walk(sim.gateway(), START - 9 * DAY, START - 8 * DAY)) == []

    async def test_windows_longer_than_portone_takes_are_split(self, sim: Simulated) -> None:
        days = range(0, 400, 30)
        made = [put_v1(sim, day, START - day * DAY) for day in days]
        found = keys(await walk(sim.gateway(), START - 400 * DAY, END))
        assert found == made[::-1]

    async def test_cancelled_long_after_it_was_paid_is_seen_on_that_day(
        self, sim: Simulated
    ) -> None:
        later, day = {"status": "cancelled", "cancel_amount": 11000}, START + 200 * DAY
        made = put_v1(sim, 1, START, **later, cancelled_at=int((day + DAY / 2).timestamp()))
        assert keys(await walk(sim.gateway(), day, day + DAY)) == [made]
        assert keys(await walk(sim.gateway())) == []

    @pytest.mark.parametrize("spread", [DAY / 400, timedelta(0)], ids=["a day", "one second"])
    async def test_pages(
        self, sim: Simulated, spread: timedelta, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = {put_v1(sim, number, START + number * spread) for number in range(401)}
        monkeypatch.setattr(v1_listing, "_PAGE", 200)
        pages = await walk(sim.gateway())
        assert set(keys(pages)) == made
        assert len(keys(pages)) == len(made)
        assert max(len(page.payments) for page in pages) <= 200

    @pytest.mark.parametrize(
        "changes",
        [
            {"cancel_amount": None},
            {"currency": "MUSD"},
            {"status": "half"},
            {"amount": 2**60},
            {"sandbox": None},
            {"paid_at": 2**60},
            {"imp_uid": ""},
        ],
    )
    async def test_odd_row_hides_none_of_the_others(
        self, sim: Simulated, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(simulated_v1, "of_status", lambda found, *_: found)
        put_v1(sim, 1, START)
        put_v1(sim, 2, START, **changes)
        put_v1(sim, 3, START)
        page = (await walk(sim.gateway()))[0]
        assert keys([page]) == ["imp_000000000001", "imp_000000000003"]
        assert len(page.odd) == 1


class TestV2:
    async def test_shows_what_was_received_and_what_is_back(self, v2: SimulatedV2) -> None:
        put_v2(v2, 1, START)
        put_v2(v2, 2, START, status="PARTIAL_CANCELLED", cancellations=[cancellation()])
        put_v2(v2, 3, START, status="CANCELLED", cancellations=[cancellation(11000)])
        put_v2(v2, 4, START, cancellations=[cancellation(status="REQUESTED")])
        taken = [cancellation(11000, trigger="CHARGEBACK")]
        put_v2(v2, 5, START, status="CANCELLED", cancellations=taken)
        put_v2(v2, 6, START, currency="USD", channel={"type": "LIVE"})
        for number, status in enumerate(("FAILED", "READY"), 7):
            put_v2(v2, number, START, status=status)
        put_v2(v2, 11, START, storeId="store-other")
        unpaid = {"type": "PaymentMethodVirtualAccount", "accountNumber": "1"}
        given_up = put_v2(v2, 10, START, status="CANCELLED", method=unpaid)
        await v2.control("PATCH", f"payments/{given_up}", paidAt=None)
        listed = {
            one.payment_key: one for page in await walk(v2.gateway()) for one in page.payments
        }
        assert listed["tx-00000004"].refunding == 1100
        assert listed["tx-00000005"].withdrawn == 11000
        assert {key[-2:]: (one.paid, one.refunded, one.live) for key, one in listed.items()} == {
            "01": (11000, 0, False),
            "02": (11000, 1100, False),
            "03": (11000, 11000, False),
            "04": (11000, 0, False),
            "05": (11000, 0, False),
            "06": (11000, 0, True),
            "10": (0, 0, False),
        }
        assert (listed["tx-00000001"].order_id, listed["tx-00000001"].moved_at) == (
            "ord_000000000001",
            "2026-03-01T00:00:00+00:00",
        )

    async def test_only_of_its_time_and_where_canceled_of_that(self, v2: SimulatedV2) -> None:
        for number, at in enumerate((START - DAY / 2, START, END - DAY / 2, END + DAY / 2)):
            put_v2(v2, number, at)
        later = (START + 200 * DAY).isoformat()
        canceled = {"status": "CANCELLED", "cancellations": [cancellation(11000)]}
        put_v2(v2, 9, START, statusChangedAt=later, **canceled)
        assert keys(await walk(v2.gateway())) == ["tx-00000001", "tx-00000002"]
        day = START + 200 * DAY
        assert keys(await walk(v2.gateway(), day, day + DAY)) == ["tx-00000009"]

    async def test_deposit_that_was_undone(self, v2: SimulatedV2) -> None:
        account = {"type": "PaymentMethodVirtualAccount", "accountNumber": "1"}
        put_v2(v2, 1, START, status="VIRTUAL_ACCOUNT_ISSUED", method=account)
        await v2.control("PATCH", "payments/tx-00000001", paidAt=None)
        [one] = [each for page in await walk(v2.gateway()) for each in page.payments]
        assert (one.payment_key, one.paid) == ("tx-00000001", 0)

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
        assert max(len(page.payments) for page in pages) <= 100

    @pytest.mark.parametrize(
        "changes",
        [
            {"amount": {}},
            {"paidAt": "2026-03-01T00:00:00"},
            {"currency": "MUSD"},
            {"disputes": [{"status": "HALF"}]},
            {"transactionId": "x" * 256},
        ],
    )
    async def test_odd_row_hides_none_of_the_others(
        self, v2: SimulatedV2, changes: dict[str, Any]
    ) -> None:
        """Of another kind of currency, of a dispute in a state nobody knows: it cannot be compared,
        whosever it is, and so the window is not finished."""
        put_v2(v2, 1, START)
        put_v2(v2, 2, START, **changes)
        put_v2(v2, 3, START)
        [page] = await walk(v2.gateway())
        assert keys([page]) == ["tx-00000001", "tx-00000003"]
        assert len(page.odd) == 1

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
    one is paid, both today; ten to a page."""

    def __init__(self) -> None:
        self.paid = {number: number // 3 for number in range(300)}
        self.gone: set[int] = set()
        self.clock = 1000

    async def look(self, first: int, last: int, page: int) -> Any:  # noqa: ANN401
        found = sorted(number for number, when in self.paid.items() if first <= when <= last)
        rows, more = found[page * 10 : page * 10 + 10], len(found) > page * 10 + 10
        await asyncio.sleep(0)
        self.clock += 1
        gone = min(self.paid, key=lambda number: (number * 7919) % 311)
        del self.paid[gone]
        self.gone.add(gone)
        self.paid[1000 + self.clock] = self.clock
        return rows, more

    def walk(self) -> AsyncIterator[ListedPage]:
        return moved(
            (self.look,),
            lambda row: ListedPayment("", str(row), "KRW", True, START.isoformat(), paid=1),
            "",
            datetime.fromtimestamp(0, UTC),
            datetime.fromtimestamp(200, UTC),
        )


async def test_what_moves_while_it_is_walked_hides_nothing_else() -> None:
    moving = Moving()
    seen = {one.payment_key async for page in moving.walk() for one in page.payments}
    assert {str(number) for number in range(300) if number not in moving.gone} <= seen
