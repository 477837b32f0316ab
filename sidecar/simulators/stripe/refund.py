"""Stripe's refunds. Amounts are Stripe's minor units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulators.stripe.cards import CARDS, card_token
from simulators.stripe.errors import invalid
from simulators.stripe.ids import new_id

if TYPE_CHECKING:
    from simulators.stripe.books import Books

Json = dict[str, Any]


class Refunds:
    def __init__(self, books: Books) -> None:
        self._books = books

    def make(self, charge: Json, amount: int | None, form: Json) -> Json:
        """Refunds all that is left, or `amount` of it; `form` may have a reason and metadata."""
        given = self._checked(charge, amount)
        card = CARDS[card_token(charge["payment_method"]) or "pm_card_visa"]
        status = "pending" if card.refund == "pending" else "succeeded"
        before = {"amount_refunded": charge["amount_refunded"]}
        refund = self._books.keep(
            new_refund(charge, form, amount=given, status=status, now=self._books.now())
        )
        charge["amount_refunded"] += given
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self._books.note("refund.created", refund)
        self._books.note("charge.refunded", self._books.keep(charge), before)
        if card.refund == "fails":
            self.change(refund, "failed")
        return refund

    def change(self, refund: Json, status: str) -> Json:
        """Changes the status, as the buyer's bank does later.

        `amount_refunded` stays: Stripe does not document that it lowers it.
        """
        before = {"status": refund["status"]}
        refund["status"] = status
        if status == "failed":
            refund["failure_reason"] = "lost_or_stolen_card"
            self._books.note("refund.failed", refund, before)
        self._books.note("refund.updated", self._books.keep(refund), before)
        self._books.note("charge.refund.updated", refund, before)
        return refund

    def _checked(self, charge: Json, amount: int | None) -> int:
        """The amount to refund, or the refusal."""
        left = int(charge["amount"] - charge["amount_refunded"])
        disputes = self._books.all("dispute", charge=charge["id"])
        if not all(each["is_charge_refundable"] for each in disputes):
            message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
            raise invalid(message, code="charge_disputed")
        if left <= 0:
            message = f"Charge {charge['id']} has already been refunded."
            raise invalid(message, code="charge_already_refunded")
        given = left if amount is None else amount
        if not 0 < given <= left or not charge["paid"]:
            raise invalid("Refund amount is greater than unrefunded amount on charge")
        return given


def new_refund(charge: Json, form: Json, *, amount: int, status: str, now: int) -> Json:
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": new_id("txn"),
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": form.get("metadata") or {},
        "payment_intent": charge["payment_intent"],
        "reason": form.get("reason"),
        "receipt_number": None,
        "status": status,
    }
