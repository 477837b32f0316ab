"""Stripe's disputes, and the funds that they move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulators.stripe.ids import new_id

if TYPE_CHECKING:
    from simulators.stripe.books import Books

Json = dict[str, Any]

_BACK = frozenset({"won", "warning_closed", "prevented"})
"""The statuses in which the money comes back to the merchant."""
_DISPUTE_DAYS = 7 * 24 * 3600


class Disputes:
    def __init__(self, books: Books) -> None:
        self._books = books

    def move(self, charge: Json, status: str, *, amount: int | None = None) -> Json:
        """Opens the charge's dispute, or moves it on.

        An inquiry (`warning_…`) withdraws nothing; a dispute does.
        """
        known = self._books.all("dispute", charge=charge["id"])
        if not known:
            return self._open(charge, status, amount or charge["amount"])
        dispute, before = known[-1], {"status": known[-1]["status"]}
        dispute["status"] = status
        self._books.keep(dispute)
        if status in _BACK:
            dispute["is_charge_refundable"] = True
        if status in _BACK and dispute["balance_transactions"]:
            self._move_funds(dispute, "charge.dispute.funds_reinstated", dispute["amount"])
        ended = status in _BACK or status == "lost"
        self._books.note(f"charge.dispute.{'closed' if ended else 'updated'}", dispute, before)
        return dispute

    def _open(self, charge: Json, status: str, amount: int) -> Json:
        charge["disputed"] = True
        self._books.keep(charge)
        dispute = self._books.keep(
            new_dispute(charge, amount=amount, status=status, now=self._books.now())
        )
        self._books.note("charge.dispute.created", dispute)
        if not status.startswith("warning_"):
            self._move_funds(dispute, "charge.dispute.funds_withdrawn", -amount)
        return dispute

    def _move_funds(self, dispute: Json, event: str, amount: int) -> None:
        dispute["balance_transactions"].append(
            balance_transaction(dispute, amount, self._books.now())
        )
        self._books.note(event, self._books.keep(dispute))


def new_dispute(charge: Json, *, amount: int, status: str, now: int) -> Json:
    return {
        "id": new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "evidence": {},
        "evidence_details": {
            "due_by": now + _DISPUTE_DAYS,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": status.startswith("warning_"),
        "livemode": charge["livemode"],
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": "fraudulent",
        "status": status,
    }


def balance_transaction(dispute: Json, amount: int, now: int) -> Json:
    """One in the merchant's currency, which need not be the charge's: here always dollars."""
    return {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "created": now,
        "currency": "usd",
        "fee": 1500,
        "net": amount - 1500,
        "source": dispute["id"],
        "type": "adjustment",
    }
