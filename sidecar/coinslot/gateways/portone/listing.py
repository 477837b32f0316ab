"""PortOne's lists of payments, both versions', walked so that nothing slips through.

Both filter by the time at which a payment came into its present status, so what was paid in a
window is looked for twice: among what is paid, in that window, and among what was cancelled, from
the window's beginning until now. What is cancelled between the two is in the second.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import structlog

from coinslot.gateways.http import nonsense, patiently

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coinslot.gateways.base import ListedPayment

log = structlog.get_logger(__name__)

# V1 refuses windows of more than 90 days; both ends of ours count.
_LONGEST = 90 * 24 * 3600 - 1
# A payment cancelled while its list is walked belongs to it, with any clock ahead of the other.
_AHEAD = 24 * 3600

Fetch = Callable[[int, int, int], Awaitable[tuple[list[Any], bool]]]
"""The rows of a window, from the first second to the last, both included, in unix time, of the page
so numbered from 0; and whether there are more."""

Read = Callable[[object], "ListedPayment | None"]
"""A row as a payment, None where it never received money. Raises what is in `_UNREADABLE`."""

_UNREADABLE = (ValueError, ArithmeticError, OSError)


async def received(
    paid: Fetch, canceled: Fetch, read: Read, since: datetime, until: datetime
) -> AsyncIterator[list[ListedPayment]]:
    """The pages of `Gateway.paid_between`. Rows that do not parse hold up none of the others, and
    make the walk end in `GatewayUnavailable`: it has not told everything."""
    first, last = math.floor(since.timestamp()), math.ceil(until.timestamp())
    unreadable = 0
    for fetch, end in ((paid, last), (canceled, max(last, int(time.time()) + _AHEAD))):
        async for rows in _windows(fetch, first, end):
            page = [_readable(row, read) for row in rows]
            unreadable += page.count(False)
            found = {one.payment_key: one for one in page if one and first <= _paid(one) <= last}
            if found:
                yield list(found.values())
    if unreadable:
        raise nonsense("listed payments do not parse", count=unreadable)


async def _windows(fetch: Fetch, first: int, last: int) -> AsyncIterator[list[Any]]:
    """A window that one page cannot hold is halved rather than paged through: then what joins the
    list or leaves it meanwhile moves nothing unseen over a page's border. Oldest first, since a
    payment that changes goes to the end. Only what one second holds is paged."""
    starts = range(first, last + 1, _LONGEST + 1)
    waiting = [(start, min(start + _LONGEST, last)) for start in reversed(starts)]
    while waiting:
        start, end = waiting.pop()
        rows, more = await patiently(partial(fetch, start, end, 0))
        if more and start < end:
            middle = (start + end) // 2
            waiting += [(middle + 1, end), (start, middle)]
            continue
        yield rows
        page = 0
        while more and rows:
            page += 1
            rows, more = await patiently(partial(fetch, start, end, page))
            yield rows


def _readable(row: object, read: Read) -> ListedPayment | Literal[False] | None:
    """False for what cannot be read."""
    try:
        return read(row)
    except _UNREADABLE as error:
        # Which field, and not its value.
        log.error("gateway_nonsense", why="listed payment", error=type(error).__name__)  # noqa: TRY400
        return False


def _paid(payment: ListedPayment) -> float:
    return datetime.fromisoformat(payment.paid_at).timestamp()
