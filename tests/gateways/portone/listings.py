"""Payments put into PortOne's simulators at given times, and a walk through its lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from coinslot.gateways.listing import ListedPage
from tests.gateways.portone.v1.test_adapter import sample as v1_sample
from tests.gateways.portone.v2.test_adapter import sample as v2_sample

if TYPE_CHECKING:
    from coinslot.gateways.base import Gateway
    from tests.support.portone import Simulated
    from tests.support.portone_v2 import SimulatedV2

Pages = list[ListedPage]
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
    async for page in gateway.moved_between(since, until):
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
