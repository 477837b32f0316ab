"""Asking Toss's simulator for refunds, and looking at what it made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from coinslot.gateways.base import Refund

if TYPE_CHECKING:
    from tests.support.toss import SimulatedToss

ORDER = "ord_0123456789ab"


def refund(
    payment: str,
    amount: int = 5000,
    refundable: int = 5000,
    **changes: Any,  # noqa: ANN401
) -> Refund:
    key = "refund-0123456789"
    given = Refund(ORDER, payment, amount, refundable, "KRW", "변심", f"of {key}", key)
    return replace(given, **changes)


async def facts(toss: SimulatedToss, key: str) -> tuple[str, int, int]:
    read = await toss.gateway().read(None, key)
    return read.state, read.refunded, read.refunding


async def canceled(toss: SimulatedToss, key: str) -> list[tuple[int, str]]:
    """Every cancel that Toss keeps of the payment."""
    payment = (await toss.call("GET", f"/{key}")).json()
    return [(each["cancelAmount"], each["cancelStatus"]) for each in payment["cancels"] or []]
