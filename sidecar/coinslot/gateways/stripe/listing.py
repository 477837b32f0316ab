"""Stripe's own account of the payments that moved in a window.

Its lists of charges, refunds and disputes are dated by creation, while a refund fails, a dispute is
decided and a bank's debit arrives days or months after. Every such change is an event, dated by
itself, so the list of events is the list of what moved. Stripe keeps it for 30 days. What is older
is read from the three lists, which show everything as it is now.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, StrictBool

from coinslot.gateways.http import nonsense
from coinslot.gateways.listing import ListedPage, ListedPayment, page_of_rows
from coinslot.gateways.stripe.currencies import from_stripe
from coinslot.gateways.stripe.dispute import CONTESTED, DISMISSED, LOST
from coinslot.gateways.stripe.objects import Minor, Object, Page, page_of
from coinslot.gateways.stripe.payment import UNDER_WAY, UNDONE
from coinslot.text import Text, storable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinslot.gateways.listing import Read

Kind = Literal["event", "charge", "refund", "dispute"]

_PAGE = 100
# Kept for 30 days; clocks may differ.
KEPT = timedelta(days=27)
_SLOWEST = timedelta(days=21)
"""From the charge to the money: 14 banking days with SEPA, the slowest method."""

EVENTS = (
    *("charge.succeeded", "charge.captured", "charge.refunded", "charge.refund.updated"),
    *("refund.created", "refund.updated", "refund.failed"),
    *("charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"),
    *("charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"),
)
"""All that moves money; Stripe takes 20 kinds at most."""


class _Charge(Object):
    id: str
    amount_captured: Minor
    amount_refunded: Minor
    disputed: StrictBool = False
    status: str
    payment_intent: Text | None = None
    currency: str = Field(pattern=r"^[A-Za-z]{3}$")
    metadata: dict[str, Any] | None = None


class _Refund(Object):
    payment_intent: Text | None = None
    status: str
    currency: str = Field(pattern=r"^[A-Za-z]{3}$")


class _Dispute(Object):
    payment_intent: Text | None = None
    amount: Minor
    status: str
    currency: str = Field(pattern=r"^[A-Za-z]{3}$")


class _Data(Object):
    object: dict[str, Any]


class _Event(Object):
    created: int
    livemode: StrictBool
    data: _Data


class _Dated(Object):
    created: int
    # A refund has none.
    livemode: StrictBool | None = None


def lists(since: datetime, now: datetime) -> tuple[Kind, ...]:
    """The lists that a window's payments are read from."""
    return ("event",) if since > now - KEPT else ("charge", "refund", "dispute")


def window(kind: Kind, since: datetime, until: datetime) -> dict[str, Any]:
    """Newest first, so that what is new meanwhile shifts no page. By the whole second."""
    first = since - _SLOWEST if kind == "charge" else since
    created = {"gte": math.floor(first.timestamp()), "lt": math.ceil(until.timestamp())}
    types = {"types": list(EVENTS)} if kind == "event" else {}
    return {"created": created, "limit": _PAGE, **types}


def parsed(kind: Kind, answer: Mapping[str, Any]) -> Page:
    """Raises `GatewayUnavailable` for a page that makes no sense."""
    return page_of(Page, answer, f"{kind}s")


def last_id(page: Page) -> str:
    """The row after which the next page begins."""
    last = page.data[-1]
    found = last.get("id") if isinstance(last, dict) else None
    if not isinstance(found, str) or not found:
        raise nonsense("the list does not go on")
    return found


def listed(kind: Kind, page: Page) -> ListedPage:
    read: Read = _of_event if kind == "event" else lambda row: _as_it_is(kind, row)
    return page_of_rows(reversed(page.data), read, "id")


def _of_event(row: object) -> ListedPayment | None:
    """Of an event only what cannot be overtaken: money that came or went by then."""
    event = _Event.model_validate(row)
    kind = event.data.object.get("object")
    return _payment(kind, event.data.object, _utc(event.created), live=event.livemode)


def _as_it_is(kind: Kind, row: object) -> ListedPayment | None:
    dated = _Dated.model_validate(row)
    return _payment(kind, row, _utc(dated.created), live=dated.livemode)


def _payment(kind: object, row: object, at: str, *, live: bool | None) -> ListedPayment | None:
    """None without a PaymentIntent: of another integration."""
    if kind == "charge":
        charge = _Charge.model_validate(row)
        order_id = (charge.metadata or {}).get("order_id")
        # A charge has the metadata of its PaymentIntent.
        named = order_id if isinstance(order_id, str) else ""
        key, currency, told = charge.payment_intent, charge.currency, _of_charge(charge)
    elif kind == "refund":
        refund = _Refund.model_validate(row)
        named, key, currency, told = "", refund.payment_intent, refund.currency, _of_refund(refund)
    elif kind == "dispute":
        dispute = _Dispute.model_validate(row)
        named, key, currency = "", dispute.payment_intent, dispute.currency
        told = _of_dispute(dispute)
    else:
        raise ValueError("neither a charge nor a refund nor a dispute")
    if not key or told is None:
        return None
    return ListedPayment(
        order_id=storable(named),
        payment_key=key,
        currency=currency.upper(),
        live=live,
        moved_at=at,
        **told,
    )


def _of_charge(charge: _Charge) -> dict[str, Any] | None:
    """None where no money was taken. The charge does not say how a dispute ended."""
    if charge.status in {"pending", "failed"} or not charge.amount_captured:
        return None
    if charge.status != "succeeded":
        raise ValueError("unknown status of a charge")
    if charge.amount_refunded > charge.amount_captured:
        raise ValueError("more is refunded than was taken")
    return {
        "paid": from_stripe(charge.amount_captured, charge.currency),
        "left": from_stripe(charge.amount_captured - charge.amount_refunded, charge.currency),
        "unclear": charge.disputed,
    }


def _of_refund(refund: _Refund) -> dict[str, Any]:
    """The charge tells how much was refunded; the refund, whether it arrived."""
    if refund.status == "succeeded":
        return {"refunding": 0}
    if refund.status not in UNDER_WAY | UNDONE:
        raise ValueError("unknown status of a refund")
    return {"unclear": True}


def _of_dispute(dispute: _Dispute) -> dict[str, Any]:
    amount = from_stripe(dispute.amount, dispute.currency)
    if dispute.status in DISMISSED:
        return {"disputed": 0, "withdrawn": 0}
    if dispute.status == LOST:
        return {"disputed": 0, "withdrawn": amount}
    if dispute.status in CONTESTED:
        return {"disputed": amount}
    raise ValueError("unknown status of a dispute")


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
