"""Toss's list of transactions: each approval or deposit is one, and so is each cancel of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from coinslot.gateways.base import ListedPayment
from coinslot.gateways.http import nonsense
from coinslot.gateways.money import to_minor
from coinslot.gateways.toss.times import KOREA, utc
from coinslot.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

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


_TRANSACTIONS = TypeAdapter(list[Transaction])


def window(since: datetime, until: datetime) -> dict[str, str]:
    """In Korean time, as Toss counts, and to the second: the last one is included."""
    return {"startDate": _korean(since), "endDate": _korean(until), "limit": str(_PAGE)}


def parsed(rows: list[Any]) -> list[Transaction]:
    """Raises `GatewayUnavailable` for rows that make no sense."""
    try:
        return _TRANSACTIONS.validate_python(rows)
    except ValidationError as error:
        raise nonsense("transactions do not parse") from error


def listed(rows: Iterable[Transaction], *, live: bool) -> list[ListedPayment]:
    """The payments among the transactions, each once.

    A refund is a transaction of its own, of any later time: no page and no window can tell that
    there is none, so `refunded` is never known from here.
    """
    payments: dict[str, ListedPayment] = {}
    for row in rows:
        if row.status == "DONE" and row.paymentKey not in payments:
            payments[row.paymentKey] = _payment(row, live=live)
    return list(payments.values())


def _payment(row: Transaction, *, live: bool) -> ListedPayment:
    try:
        paid = to_minor(row.amount, row.currency)
    except (ValueError, ArithmeticError) as error:
        raise nonsense("transaction does not parse", payment_key=row.paymentKey) from error
    return ListedPayment(
        order_id=row.orderId,
        payment_key=row.paymentKey,
        currency=row.currency.upper(),
        paid=paid,
        refunded=None,
        live=live,
        paid_at=utc(row.transactionAt),
    )


def _korean(moment: datetime) -> str:
    return moment.astimezone(KOREA).strftime("%Y-%m-%dT%H:%M:%S")
