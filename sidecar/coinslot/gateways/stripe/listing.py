"""Stripe's list of charges, of which those that succeeded are payments.

A PaymentIntent is as old as its order, while a charge is made when the buyer pays. With methods
that take days (bank debits, vouchers) it is made at the start of them.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import Field

from coinslot.gateways.base import ListedPayment
from coinslot.gateways.http import nonsense
from coinslot.gateways.stripe.currencies import from_stripe
from coinslot.gateways.stripe.objects import Object, Page, page_of
from coinslot.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stripe.params import ChargeListParams

_PAGE = 100
_SLOWEST = timedelta(days=21)
"""From the charge to the money: 14 banking days with SEPA, the slowest method."""
_IMMEDIATE = "card"


class _Method(Object):
    type: str


class _Charge(Object):
    id: str
    created: int
    amount_captured: int = Field(ge=0)
    amount_refunded: int = Field(ge=0)
    disputed: bool = False
    currency: Text = Field(pattern=r"^[A-Za-z]{3}$")
    livemode: bool
    status: str
    payment_intent: Text | None = None
    payment_method_details: _Method | None = None
    metadata: dict[str, Any] | None = None


class Charges(Page):
    data: list[_Charge]


def window(since: datetime, until: datetime) -> ChargeListParams:
    """Newest first, so that what is new meanwhile shifts no page. By the whole second."""
    first = math.floor((since - _SLOWEST).timestamp())
    return {"created": {"gte": first, "lt": math.ceil(until.timestamp())}, "limit": _PAGE}


def parsed(answer: Mapping[str, Any]) -> Charges:
    """Raises `GatewayUnavailable` for a page that makes no sense."""
    return page_of(Charges, answer, "charges")


def listed(page: Charges, since: datetime) -> list[ListedPayment]:
    """Those of the page that may have received money since. A charge without a PaymentIntent is of
    another integration."""
    return [_payment(charge) for charge in page.data if _received(charge, since)]


def _received(charge: _Charge, since: datetime) -> bool:
    if charge.status != "succeeded" or not charge.amount_captured or not charge.payment_intent:
        return False
    method = charge.payment_method_details
    slow = method is None or method.type != _IMMEDIATE
    return slow or charge.created >= math.floor(since.timestamp())


def _payment(charge: _Charge) -> ListedPayment:
    order_id = (charge.metadata or {}).get("order_id")
    try:
        paid = from_stripe(charge.amount_captured, charge.currency)
    except ValueError as error:
        raise nonsense("charge does not parse", charge=charge.id) from error
    return ListedPayment(
        # A charge has the metadata of its PaymentIntent.
        order_id=order_id if isinstance(order_id, str) else "",
        payment_key=charge.payment_intent or "",
        currency=charge.currency.upper(),
        paid=paid,
        # Of what is on its way, or failed, or in dispute, only the objects themselves tell.
        refunded=None if charge.amount_refunded or charge.disputed else 0,
        live=charge.livemode,
        paid_at=datetime.fromtimestamp(charge.created, UTC).isoformat(),
    )
