"""PortOne V2's list of payments: a page of it, and a line of that."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from coinslot.gateways.http import nonsense
from coinslot.gateways.portone.listing import as_listed
from coinslot.gateways.portone.v2.payment import Part, V2Payment, read_as, which_field
from coinslot.text import storable

if TYPE_CHECKING:
    from coinslot.gateways.listing import ListedPayment

# What money may have come to, or gone from; an issued account may be a deposit that was undone.
_MOVED = ["PAID", "PARTIAL_CANCELLED", "CANCELLED", "VIRTUAL_ACCOUNT_ISSUED"]
_PAGE = 100


class _PageInfo(Part):
    number: int
    size: int
    total_count: int


class V2Page(Part):
    items: list[Any]
    page: _PageInfo

    def has_more(self) -> bool:
        """`totalCount` may be of all pages or of this one; a full page may have a next one."""
        seen = (self.page.number + 1) * self.page.size
        return len(self.items) >= self.page.size or seen < self.page.total_count


def query(first: int, last: int, page: int) -> dict[str, str]:
    """Asks for what moved from the first second to the last.

    The filter's store is not for everybody's keys: without it all that the keys can see is listed.
    Its times are documented neither as included nor as excluded, so it asks for a little more.
    """
    chosen = {
        "timestampType": "STATUS_CHANGED_AT",
        "from": _stamp(first, milliseconds=-1),
        "until": _stamp(last + 1),
        "status": _MOVED,
        "sortBy": "REQUESTED_AT",
        "sortOrder": "ASC",
    }
    body = {"page": {"number": page, "size": _PAGE}, "filter": chosen}
    return {"requestBody": json.dumps(body)}


def parsed(answer: dict[str, Any]) -> V2Page:
    """Raises `GatewayUnavailable` for what is no page."""
    try:
        return V2Page.model_validate(answer)
    except ValidationError as error:
        raise nonsense("list does not parse", why_not=which_field(error)) from error


def listed(row: object, *, store_id: str) -> ListedPayment | None:
    """None for another store's. Raises as `read_as` does."""
    if isinstance(row, dict) and row.get("storeId", store_id) != store_id:
        return None
    payment = V2Payment.model_validate(row)
    # Those without a channel are not paid, so that the mode does not matter.
    fact = read_as(payment, live_mode=False)
    moments = [
        datetime.fromisoformat(each)
        for each in (payment.paid_at, payment.status_changed_at)
        if each is not None
    ]
    if not moments or any(each.tzinfo is None for each in moments):
        raise ValueError("no time, or a time without its zone")
    clean = replace(fact, order_id=storable(fact.order_id), payment_key=storable(fact.payment_key))
    return as_listed(clean, max(moments).astimezone(UTC).isoformat())


def _stamp(second: int, *, milliseconds: int = 0) -> str:
    moment = datetime.fromtimestamp(second, UTC) + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
