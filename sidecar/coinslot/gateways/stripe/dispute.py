"""A dispute at Stripe: whose money it contests, and where that money is.

Its statuses are Stripe's own. One that is unknown concludes nothing: it is a `ValueError`.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from coinslot.gateways.stripe.objects import Minor, Object, Page

# Disputes that took nothing from the merchant: won, or over by a refund, which counts as such.
DISMISSED = frozenset({"won", "warning_closed", "prevented", "charge_refunded"})
CONTESTED = frozenset(
    {
        *("needs_response", "under_review", "warning_needs_response", "warning_under_review"),
        *("appeal_needs_response", "appeal_under_review"),
    }
)
LOST = "lost"


class BalanceTransaction(Object):
    """Of the merchant's balance, and so in the currency of that: only its sign is used."""

    amount: int = Field(strict=True)


class Dispute(Object):
    amount: Minor
    currency: str = Field(pattern=r"^[A-Za-z]{3}$")
    status: str
    balance_transactions: list[BalanceTransaction] | None = None


class DisputeList(Page):
    data: list[Dispute]


def disputed_and_withdrawn(
    disputes: Iterable[Dispute], received: int, currency: str
) -> tuple[int, int]:
    """The money that is contested, and the part of it that has left the merchant's balance."""
    contested = withdrawn = 0
    for dispute in disputes:
        amount = dispute.amount if dispute.currency == currency else received
        if dispute.status in DISMISSED:
            continue
        if dispute.status == LOST:
            withdrawn += amount
        elif dispute.status in CONTESTED:
            contested += amount
            withdrawn += amount if _has_left(dispute) else 0
        else:
            raise ValueError("unknown status of a dispute")
    return min(contested, received), min(withdrawn, received)


def _has_left(dispute: Dispute) -> bool:
    if dispute.balance_transactions is None:
        raise ValueError("a dispute that does not tell where its money is")
    return sum(each.amount for each in dispute.balance_transactions) < 0
