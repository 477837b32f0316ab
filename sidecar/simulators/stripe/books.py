"""What Stripe keeps: PaymentIntents with their charges, refunds, disputes, and events about them.

Every change goes through here and notes its events, which whoever caused it then has sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulators.stripe.cards import CARDS, NOT_AUTHENTICATED, Card, Decline, card_token
from simulators.stripe.errors import decline_error, invalid, missing, unexpected_state
from simulators.stripe.objects import (
    balance_transaction,
    new_charge,
    new_dispute,
    new_event,
    new_intent,
    new_refund,
    pending_charge,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulators.base import Json
    from simulators.store import Store

_CONFIRMABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
_CANCELABLE = _CONFIRMABLE | {"processing"}
_BACK = frozenset({"won", "warning_closed", "prevented"})


class Books:
    def __init__(
        self, store: Store, now: Callable[[], int], api_version: Callable[[], str]
    ) -> None:
        self._store = store
        self._now = now
        self._api_version = api_version
        self.fresh_events: list[Json] = []

    def one(self, kind: str, key: str, param: str = "id") -> Json:
        found = self._store.get(kind, key)
        if found is None:
            raise missing(kind, key, param)
        return found

    def all(self, kind: str, **where: Any) -> list[Json]:  # noqa: ANN401 - JSON
        """Oldest first; those whose fields are as given."""
        return [
            each
            for each in self._store.all(kind)
            if all(each.get(name) == value for name, value in where.items())
        ]

    def keep(self, document: Json) -> Json:
        self._store.put(document["object"], document["id"], document)
        return document

    def note(self, kind: str, about: Json, previous: Json | None = None) -> None:
        """An event, as the object is at this moment."""
        event = new_event(
            kind, {**about}, previous, api_version=self._api_version(), now=self._now()
        )
        self.keep(event)
        self.fresh_events.append(event)

    # ---- PaymentIntents ----

    def create(self, form: Json, amount: int, *, live: bool = False) -> Json:
        intent = self.keep(new_intent(form, amount=amount, live=live, now=self._now()))
        self.note("payment_intent.created", intent)
        return intent

    def attach(self, intent: Json, method: str) -> Json:
        if card_token(method) is None:
            raise missing("PaymentMethod", method, "payment_method")
        intent["payment_method"] = method
        if intent["status"] == "requires_payment_method":
            intent["status"] = "requires_confirmation"
        return self.keep(intent)

    def confirm(self, intent: Json) -> Json:
        """With the card that is attached: charged, declined, or the bank wants to see the buyer."""
        if intent["status"] not in _CONFIRMABLE:
            raise unexpected_state(intent, "confirm")
        token = card_token(intent["payment_method"] or "")
        if token is None:
            raise invalid("You must provide a payment method.", param="payment_method")
        card = CARDS[token]
        if card.decline is not None:
            return self.decline(intent, card.decline)
        if card.authentication:
            return self._ask_buyer(intent)
        return self.succeed(intent, card)

    def authenticate(self, intent: Json, *, passed: bool) -> Json:
        if intent["status"] != "requires_action":
            raise unexpected_state(intent, "authenticate")
        return self.succeed(intent) if passed else self.decline(intent, NOT_AUTHENTICATED)

    def process(self, intent: Json) -> Json:
        """A method that takes days."""
        method = intent["payment_method"] or "pm_card_visa"
        charge = self.keep(pending_charge(intent, method=method, now=self._now()))
        intent.update(status="processing", next_action=None, latest_charge=charge["id"])
        self.note("payment_intent.processing", self.keep(intent))
        self.note("charge.pending", charge)
        return intent

    def succeed(self, intent: Json, card: Card = CARDS["pm_card_visa"]) -> Json:
        method = intent["payment_method"] or "pm_card_visa"
        charge = self.keep(self._charge_of(intent, method, None))
        intent.update(
            status="succeeded",
            amount_received=intent["amount"],
            latest_charge=charge["id"],
            last_payment_error=None,
            next_action=None,
            payment_method=method,
        )
        self.note("payment_intent.succeeded", self.keep(intent))
        self.note("charge.succeeded", charge)
        if card.disputed:
            self.dispute(charge, "needs_response")
        return intent

    def decline(self, intent: Json, decline: Decline) -> Json:
        """Back to another card: a decline ends nothing."""
        method = intent["payment_method"] or "pm_card_visa"
        about = {"id": method, "object": "payment_method", "type": "card"}
        error = decline_error(decline, None, about)
        charge = self.keep(self._charge_of(intent, method, error))
        intent.update(
            status="requires_payment_method",
            latest_charge=charge["id"],
            last_payment_error={**error, "charge": charge["id"]},
            next_action=None,
            payment_method=None,
        )
        self.note("payment_intent.payment_failed", self.keep(intent))
        self.note("charge.failed", charge)
        return intent

    def _charge_of(self, intent: Json, method: str, error: Json | None) -> Json:
        """A new one, or how the one that was pending ended: it stays as old as it is."""
        charge = new_charge(intent, method=method, error=error, now=self._now())
        if intent["status"] != "processing":
            return charge
        pending = self.one("charge", intent["latest_charge"])
        kept = {name: pending[name] for name in ("id", "created", "payment_method_details")}
        return {**charge, **kept}

    def cancel(self, intent: Json, reason: str | None) -> Json:
        if intent["status"] not in _CANCELABLE:
            raise unexpected_state(intent, "cancel")
        intent.update(
            status="canceled",
            canceled_at=self._now(),
            cancellation_reason=reason,
            next_action=None,
        )
        self.note("payment_intent.canceled", self.keep(intent))
        return intent

    def _ask_buyer(self, intent: Json) -> Json:
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
        intent.update(status="requires_action", next_action=action)
        self.note("payment_intent.requires_action", self.keep(intent))
        return intent

    # ---- what comes after the money ----

    def refund(self, charge: Json, amount: int | None, form: Json) -> Json:
        """What is left, or `amount` of it; `form` may have a reason and metadata."""
        left = charge["amount"] - charge["amount_refunded"]
        if any(
            not each["is_charge_refundable"] for each in self.all("dispute", charge=charge["id"])
        ):
            message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
            raise invalid(message, code="charge_disputed")
        if left <= 0:
            message = f"Charge {charge['id']} has already been refunded."
            raise invalid(message, code="charge_already_refunded")
        given = left if amount is None else amount
        if not 0 < given <= left or not charge["paid"]:
            raise invalid("Refund amount is greater than unrefunded amount on charge")
        card = CARDS[card_token(charge["payment_method"]) or "pm_card_visa"]
        status = "pending" if card.refund == "pending" else "succeeded"
        before = {"amount_refunded": charge["amount_refunded"]}
        refund = self.keep(new_refund(charge, form, amount=given, status=status, now=self._now()))
        charge["amount_refunded"] += given
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self.note("refund.created", refund)
        self.note("charge.refunded", self.keep(charge), before)
        if card.refund == "fails":
            self.change_refund(refund, "failed")
        return refund

    def change_refund(self, refund: Json, status: str) -> Json:
        """What the buyer's bank makes of it later. `amount_refunded` stays: whether Stripe lowers
        it is not documented."""
        before = {"status": refund["status"]}
        refund["status"] = status
        if status == "failed":
            refund["failure_reason"] = "lost_or_stolen_card"
            self.note("refund.failed", refund, before)
        self.note("refund.updated", self.keep(refund), before)
        self.note("charge.refund.updated", refund, before)
        return refund

    def dispute(self, charge: Json, status: str, *, amount: int | None = None) -> Json:
        """Opened, or moved on. An inquiry (`warning_…`) withdraws nothing; a dispute does."""
        known = self.all("dispute", charge=charge["id"])
        if not known:
            return self._open_dispute(charge, status, amount or charge["amount"])
        dispute, before = known[-1], {"status": known[-1]["status"]}
        dispute["status"] = status
        self.keep(dispute)
        if status in _BACK:
            dispute["is_charge_refundable"] = True
        if status in _BACK and dispute["balance_transactions"]:
            self._move_funds(dispute, "charge.dispute.funds_reinstated", dispute["amount"])
        ended = status in _BACK or status == "lost"
        self.note(f"charge.dispute.{'closed' if ended else 'updated'}", dispute, before)
        return dispute

    def _open_dispute(self, charge: Json, status: str, amount: int) -> Json:
        charge["disputed"] = True
        self.keep(charge)
        dispute = self.keep(new_dispute(charge, amount=amount, status=status, now=self._now()))
        self.note("charge.dispute.created", dispute)
        if not status.startswith("warning_"):
            self._move_funds(dispute, "charge.dispute.funds_withdrawn", -amount)
        return dispute

    def _move_funds(self, dispute: Json, event: str, amount: int) -> None:
        dispute["balance_transactions"].append(balance_transaction(dispute, amount, self._now()))
        self.note(event, self.keep(dispute))


def intent_of_order(books: Books, order_id: str) -> Json | None:
    """The newest PaymentIntent that names the order."""
    named = [each for each in books.all("payment_intent") if _names(each, order_id)]
    return named[-1] if named else None


def _names(intent: Json, order_id: str) -> bool:
    return bool(intent["metadata"].get("order_id") == order_id)
