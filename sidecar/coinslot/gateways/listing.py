"""A gateway's own list of payments: its pages, its rows, and the rows that nobody can read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog
from pydantic import ValidationError

from coinslot.gateways.money import LARGEST
from coinslot.text import shown, storable

log = structlog.get_logger(__name__)

_LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class ListedPayment:
    """One payment that moved, as far as a row of the gateway's list tells. Amounts are minor units.

    What a row does not tell is None. `paid`, `refunded`, `refunding`, `disputed` and `withdrawn`
    are as in `GatewayPayment`; `left` is the most that can be left of the money. `unclear`: only
    the payment itself can tell what moved. `moved_at` is ISO 8601, UTC. `order_id` is empty where
    the row names none.
    """

    order_id: str
    payment_key: str
    currency: str
    live: bool | None
    moved_at: str
    paid: int | None = None
    refunded: int | None = None
    refunding: int | None = None
    disputed: int | None = None
    withdrawn: int | None = None
    left: int | None = None
    unclear: bool = False


@dataclass(frozen=True, slots=True)
class OddRow:
    """A row that cannot be read. `key` is its own or its payment's, empty where that is odd too."""

    key: str
    why: str


@dataclass(frozen=True, slots=True)
class ListedPage:
    """One page: each payment once, and what could not be read."""

    payments: list[ListedPayment] = field(default_factory=list)
    odd: list[OddRow] = field(default_factory=list)


Read: TypeAlias = Callable[[object], ListedPayment | None]
"""A row as a payment, None where none of ours can be meant, or no money moved. Raises what is in
`UNREADABLE`."""

UNREADABLE = (ValueError, ArithmeticError, OSError, TypeError, KeyError)

_AMOUNTS = ("paid", "refunded", "refunding", "disputed", "withdrawn", "left")


def page_of_rows(rows: Iterable[object], read: Read, key_field: str) -> ListedPage:
    """Reads the rows, oldest first. One that cannot be read hides none of the others. Of a payment
    with several rows each says what it knows, and the newest is believed."""
    found: dict[str, ListedPayment] = {}
    odd: list[OddRow] = []
    for row in rows:
        try:
            payment = _checked(_read(row, read))
        except UNREADABLE as error:
            odd.append(OddRow(_key(row, key_field), _why(error)))
            continue
        if payment is not None:
            before = found.pop(payment.payment_key, None)
            found[payment.payment_key] = _together(before, payment) if before else payment
    if odd:
        # Which field, and not its value.
        log.error("gateway_nonsense", why="listed payments", count=len(odd), first=odd[0].why)
    return ListedPage(list(found.values()), odd)


def _read(row: object, read: Read) -> ListedPayment | None:
    """Without characters that no database stores, where the row is odd with them."""
    try:
        return read(row)
    except UNREADABLE:
        clean = _clean(row)
        if clean == row:
            raise
        return read(clean)


def _clean(value: object) -> object:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {name: _clean(each) for name, each in value.items()}
    return [_clean(each) for each in value] if isinstance(value, list) else value


def _checked(payment: ListedPayment | None) -> ListedPayment | None:
    """Raises `ValueError` for what the database would refuse, and the whole page with it."""
    if payment is None:
        return None
    if not 1 <= len(payment.payment_key) <= _LONGEST_KEY:
        raise ValueError("the key of the payment is empty, or too long")
    if not (payment.currency.isascii() and payment.currency.isupper()) or (
        len(payment.currency) != 3 or not payment.currency.isalpha()
    ):
        raise ValueError("no currency")
    amounts = (getattr(payment, name) for name in _AMOUNTS)
    if any(not 0 <= each <= LARGEST for each in amounts if each is not None):
        raise ValueError("no amount")
    return payment


def _together(older: ListedPayment, newer: ListedPayment) -> ListedPayment:
    told = {
        name: getattr(older if getattr(newer, name) is None else newer, name) for name in _AMOUNTS
    }
    return ListedPayment(
        order_id=newer.order_id or older.order_id,
        payment_key=newer.payment_key,
        currency=newer.currency,
        live=newer.live if older.live is None else older.live,
        moved_at=newer.moved_at,
        # What left nothing says it all, whatever was unclear before.
        unclear=newer.unclear or (older.unclear and newer.left != 0),
        **told,
    )


def _key(row: object, key_field: str) -> str:
    found = row.get(key_field) if isinstance(row, Mapping) else None
    return shown(found)[:_LONGEST_KEY] if isinstance(found, str) else ""


def _why(error: Exception) -> str:
    """The field that does not parse, without its value."""
    if isinstance(error, ValidationError):
        fields = (".".join(map(str, each["loc"])) for each in error.errors()[:3])
        return shown(", ".join(fields))[:100] or "no object"
    if isinstance(error, KeyError):
        return f"no {error.args[0]}"
    return shown(str(error))[:100] or type(error).__name__
