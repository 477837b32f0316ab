"""PortOne's lists of payments, both versions', walked so that nothing slips through.

Both date a payment by the time at which it came into its present status, and show all of it as it
is now. What was paid in a window and canceled after it is listed where it was canceled.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from coinslot.gateways.http import patiently
from coinslot.gateways.listing import ListedPage, ListedPayment, Read, page_of_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from coinslot.gateways.base import GatewayPayment

# V1 refuses windows of more than 90 days; both ends of ours count.
_LONGEST = 90 * 24 * 3600 - 1

Fetch = Callable[[int, int, int], Awaitable[tuple[list[Any], bool]]]
"""The rows of a window, from the first second to the last, both included, in unix time, of the page
so numbered from 0; and whether there are more."""


async def moved(
    fetches: tuple[Fetch, ...], read: Read, key_field: str, since: datetime, until: datetime
) -> AsyncIterator[ListedPage]:
    """The pages of `Gateway.moved_between`, of one list after the other. What moves from one to the
    other meanwhile has moved today, and today is audited, too."""
    first, last = math.floor(since.timestamp()), math.ceil(until.timestamp())
    for fetch in fetches:
        async for rows in _windows(fetch, first, last):
            yield page_of_rows(rows, read, key_field)


def as_listed(fact: GatewayPayment, moved_at: str) -> ListedPayment:
    """A row that is the whole payment."""
    return ListedPayment(
        order_id=fact.order_id,
        payment_key=fact.payment_key,
        currency=fact.currency,
        live=fact.live,
        moved_at=moved_at,
        paid=fact.paid,
        refunded=fact.refunded,
        refunding=fact.refunding,
        disputed=fact.disputed,
        withdrawn=fact.withdrawn,
    )


async def _windows(fetch: Fetch, first: int, last: int) -> AsyncIterator[list[Any]]:
    """A window that one page cannot hold is halved rather than paged through: then what joins the
    list or leaves it meanwhile moves nothing unseen over a page's border. Oldest first, since a
    payment that changes goes to the end. Only what one second holds is paged.

    The next window is as long as this one was, or twice as long where that was half empty, so that
    few are asked for in vain.
    """
    start, length, full = first, _LONGEST, 0
    while start <= last:
        end = min(start + length, last)
        rows, more = await patiently(partial(fetch, start, end, 0))
        full = max(full, len(rows))
        if more and start < end:
            length = (end - start) // 2
            continue
        yield rows
        page = 0
        while more and rows:
            page += 1
            rows, more = await patiently(partial(fetch, start, end, page))
            yield rows
        length = length if len(rows) * 2 > full else min(length * 2 + 1, _LONGEST)
        start = end + 1
