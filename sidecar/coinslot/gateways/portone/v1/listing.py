"""PortOne V1's lists of payments: a page of them, and a line of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from coinslot.gateways.base import ListedPayment
from coinslot.gateways.http import nonsense
from coinslot.gateways.portone.v1.payment import V1Payment, read_as
from coinslot.text import storable

_PAGE = 200


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


def listed(row: object) -> ListedPayment | None:
    """None for a payment that never received money. Raises as `read_as` does."""
    payment = V1Payment.model_validate(row)
    fact = read_as(payment)
    if not fact.paid:
        return None
    if not payment.paid_at:
        raise ValueError("paid at no time")
    return ListedPayment(
        order_id=storable(fact.order_id),
        payment_key=fact.payment_key,
        currency=fact.currency,
        paid=fact.paid,
        refunded=fact.refunded,
        live=fact.live,
        paid_at=datetime.fromtimestamp(payment.paid_at, UTC).isoformat(),
    )
