"""The answers of the audit's RPCs as typed records. Amounts are minor units."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from coinslot.database.records import Record


class AuditLine(Record):
    """One payment of an audit: the gateway's figures, as far as its list tells, and ours."""

    payment_key: str
    order_id: str
    currency: str
    moved_at: str | None
    paid: int | None
    refunded: int | None
    our_paid: int | None
    our_refunded: int | None
    tokens: int | None
    verdict: Literal[
        "matched",
        "later",
        "unread",
        "unknown",
        "different",
        "missing",
        "foreign",
        "other_mode",
    ]
    problem: str | None


class UnlistedPayment(Record):
    """A payment we credited in an audit's window that the gateway did not list."""

    order_id: str
    payment_key: str
    currency: str
    live: bool


class AuditTotal(Record):
    """Sums of an audit's lines of one verdict and currency, in minor units."""

    verdict: str
    currency: str
    payments: int
    paid: int | None
    refunded: int | None
    our_paid: int | None
    our_refunded: int | None
    tokens: int | None


class AuditEnd(Record):
    """`finished` is false where rows could not be read that nobody has accepted."""

    finished: bool
    odd: int
    totals: list[AuditTotal]


class AuditWindow(Record):
    since: datetime
    until: datetime


class OpenLine(Record):
    """A listed payment that does not match, to be read."""

    order_id: str
    payment_key: str
