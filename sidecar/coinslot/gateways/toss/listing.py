"""Toss's list of transactions: each approval or deposit is one, and so is each cancel of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from coinslot.gateways.http import nonsense
from coinslot.gateways.listing import ListedPage, ListedPayment, page_of_rows
from coinslot.gateways.money import to_minor
from coinslot.gateways.toss.payment import STATES
from coinslot.gateways.toss.times import in_seoul, utc
from coinslot.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

# Toss gives 5,000 at most; a page is held in memory.
_PAGE = 1000


class Transaction(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    transactionKey: Text = Field(min_length=1)  # noqa: N815 - Toss's names, here and below
    paymentKey: Text = Field(min_length=1)  # noqa: N815
    orderId: Text = ""  # noqa: N815
    status: str
    amount: Decimal
    currency: str = Field(default="KRW", pattern=r"^[A-Za-z]{3}$")
    transactionAt: datetime  # noqa: N815


def window(since: datetime, until: datetime) -> dict[str, str]:
    """In Korean time, as Toss counts, and to the second: the last one is included."""
    return {"startDate": in_seoul(since), "endDate": in_seoul(until), "limit": str(_PAGE)}


def listed(rows: Sequence[object], *, live: bool) -> ListedPage:
    """The payments among the transactions, each once.

    Each transaction tells of its own step and of no other: an approval does not say whether a
    refund followed. That is another transaction, of its own day.
    """
    return page_of_rows(sorted(rows, key=_at), lambda row: _payment(row, live=live), "paymentKey")


def last_key(rows: Sequence[object], after: str | None) -> str:
    """The transaction after which the next page begins. Raises `GatewayUnavailable` where the list
    does not go on from there."""
    keys = (row.get("transactionKey") for row in reversed(rows) if isinstance(row, dict))
    last = next((key for key in keys if isinstance(key, str) and key), after)
    if last is None or last == after:
        raise nonsense("the list does not go on", after=after)
    return last


def _at(row: object) -> str:
    """Toss's times are of one zone and one length, so that they sort as they are."""
    at = row.get("transactionAt") if isinstance(row, dict) else None
    return at if isinstance(at, str) else ""


def _payment(row: object, *, live: bool) -> ListedPayment | None:
    """None where no money moved."""
    found = Transaction.model_validate(row)
    if found.status not in STATES:
        message = f"unknown status {found.status[:40]}"
        raise ValueError(message)
    # The sign of a cancel's amount is not documented.
    back = found.status in _BACK
    amount = to_minor(abs(found.amount) if back else found.amount, found.currency)
    said: dict[str, Any] = {
        "DONE": {"paid": amount},
        # Where an account is issued, or its deposit is undone.
        "WAITING_FOR_DEPOSIT": {"paid": 0},
        "CANCELED": {"left": 0},
        # By how much it has been canceled before, only the payment tells.
        "PARTIAL_CANCELED": {"unclear": True},
    }
    if found.status not in said:
        return None
    return ListedPayment(
        order_id=found.orderId,
        payment_key=found.paymentKey,
        currency=found.currency.upper(),
        live=live,
        moved_at=utc(found.transactionAt),
        **said[found.status],
    )


_BACK = frozenset({"CANCELED", "PARTIAL_CANCELED"})
