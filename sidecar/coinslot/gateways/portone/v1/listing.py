"""PortOne V1's lists of payments: a page of them, and a line of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError

from coinslot.gateways.http import nonsense
from coinslot.gateways.portone.listing import as_listed
from coinslot.gateways.portone.v1.payment import V1Payment, read_as
from coinslot.text import storable

if TYPE_CHECKING:
    from coinslot.gateways.listing import ListedPayment

# V1 gives 1,000 at most; a page is held in memory.
_PAGE = 1000


class V1Page(BaseModel):
    """`next` is the number of the next page, 0 after the last."""

    next: int
    rows: list[Any] = Field(alias="list")


def query(first: int, last: int, page: int) -> dict[str, str | int]:
    """Asks for what came into its status from the first second to the last. The first page is 0."""
    return {"from": first, "to": last, "sorting": "started", "limit": _PAGE, "page": page + 1}


def parsed(envelope: dict[str, Any]) -> V1Page:
    """The page of an answer that succeeded. Raises `GatewayUnavailable` for what is none."""
    try:
        return V1Page.model_validate(envelope["response"])
    except (ValidationError, KeyError) as error:
        raise nonsense("list does not parse") from error


def listed(row: object) -> ListedPayment:
    """Raises as `read_as` does."""
    payment = V1Payment.model_validate(row)
    fact = read_as(payment)
    moved_at = max(payment.cancelled_at or 0, payment.paid_at or 0)
    if not moved_at:
        raise ValueError("moved at no time")
    clean = replace(fact, order_id=storable(fact.order_id), payment_key=storable(fact.payment_key))
    return as_listed(clean, datetime.fromtimestamp(moved_at, UTC).isoformat())
