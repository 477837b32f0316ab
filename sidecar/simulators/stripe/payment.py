"""Stripe's PaymentIntents with their charges. Amounts are Stripe's minor units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulators.stripe.cards import (
    CARDS,
    HARD,
    NOT_AUTHENTICATED,
    SOFT,
    UNATTENDED,
    Card,
    Decline,
    card_token,
)
from simulators.stripe.errors import decline_error, invalid, missing, unexpected_state
from simulators.stripe.ids import new_id

if TYPE_CHECKING:
    from simulators.cards import Cards
    from simulators.stripe.books import Books
    from simulators.stripe.dispute import Disputes

Json = dict[str, Any]

_CONFIRMABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
_CANCELABLE = _CONFIRMABLE | {"processing"}


class Payments:
    def __init__(self, books: Books, disputes: Disputes, cards: Cards) -> None:
        self._books = books
        self._disputes = disputes
        self._cards = cards

    def of_order(self, order_id: str) -> Json | None:
        """The newest PaymentIntent that names the order."""
        named = self._books.all("payment_intent", **{"metadata.order_id": order_id})
        return named[-1] if named else None

    def create(self, form: Json, amount: int, *, live: bool = False) -> Json:
        intent = self._books.keep(new_intent(form, amount=amount, live=live, now=self._books.now()))
        self._books.note("payment_intent.created", intent)
        return intent

    def attach(self, intent: Json, method: str) -> Json:
        if card_token(method) is None:
            self._check_stored(intent, method)
        intent["payment_method"] = method
        if intent["status"] == "requires_payment_method":
            intent["status"] = "requires_confirmation"
        return self._books.keep(intent)

    def _check_stored(self, intent: Json, method: str) -> None:
        """A stored card is charged under its own customer alone."""
        found = self._books.all("payment_method", id=method)
        if not found:
            raise missing("PaymentMethod", method, "payment_method")
        if found[0]["customer"] is None or found[0]["customer"] != intent["customer"]:
            raise invalid(
                "The PaymentMethod you provided has been detached or belongs to another customer.",
                param="payment_method",
            )

    def _charge_stored(self, intent: Json, stored: Json, *, off_session: bool) -> Json:
        course = self._cards.take(stored["setup"])
        if course == "auth":
            return self.decline(intent, UNATTENDED) if off_session else self._ask_buyer(intent)
        if course in {"soft", "hard"}:
            return self.decline(intent, SOFT if course == "soft" else HARD)
        return self.process(intent) if course in {"unknown", "late"} else self.succeed(intent)

    def confirm(self, intent: Json, *, off_session: bool = False) -> Json:
        """Charges the card that is attached, declines it, or has its bank ask for the buyer."""
        if intent["status"] not in _CONFIRMABLE:
            raise unexpected_state(intent, "confirm")
        stored = self._books.all("payment_method", id=intent["payment_method"])
        if stored:
            return self._charge_stored(intent, stored[0], off_session=off_session)
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

    def note_wallet(self, intent: Json, wallet: str | None) -> Json:
        """Notes the wallet of the card that was charged last."""
        if wallet is not None and intent["latest_charge"] is not None:
            charge = self._books.one("charge", intent["latest_charge"])
            charge["payment_method_details"]["card"]["wallet"] = {"type": wallet}
            self._books.keep(charge)
        return intent

    def process(self, intent: Json) -> Json:
        """Begins a payment by a method that takes days."""
        method = intent["payment_method"] or "pm_card_visa"
        charge = self._books.keep(pending_charge(intent, method=method, now=self._books.now()))
        intent.update(status="processing", next_action=None, latest_charge=charge["id"])
        self._books.note("payment_intent.processing", self._books.keep(intent))
        self._books.note("charge.pending", charge)
        return intent

    def succeed(self, intent: Json, card: Card = CARDS["pm_card_visa"]) -> Json:
        method = intent["payment_method"] or "pm_card_visa"
        charge = self._books.keep(self._charge_of(intent, method, None))
        intent.update(
            status="succeeded",
            amount_received=intent["amount"],
            latest_charge=charge["id"],
            last_payment_error=None,
            next_action=None,
            payment_method=method,
        )
        self._books.note("payment_intent.succeeded", self._books.keep(intent))
        self._books.note("charge.succeeded", charge)
        if card.disputed:
            self._disputes.move(charge, "needs_response")
        return intent

    def decline(self, intent: Json, decline: Decline) -> Json:
        """Asks for another card: a decline ends nothing."""
        method = intent["payment_method"] or "pm_card_visa"
        about = {"id": method, "object": "payment_method", "type": "card"}
        error = decline_error(decline, None, about)
        charge = self._books.keep(self._charge_of(intent, method, error))
        intent.update(
            status="requires_payment_method",
            latest_charge=charge["id"],
            last_payment_error={**error, "charge": charge["id"]},
            next_action=None,
            payment_method=None,
        )
        self._books.note("payment_intent.payment_failed", self._books.keep(intent))
        self._books.note("charge.failed", charge)
        return intent

    def _charge_of(self, intent: Json, method: str, error: Json | None) -> Json:
        """A new charge, or the end of the one that was pending: it keeps its id and its age."""
        charge = new_charge(intent, method=method, error=error, now=self._books.now())
        if intent["status"] != "processing":
            return charge
        pending = self._books.one("charge", intent["latest_charge"])
        kept = {name: pending[name] for name in ("id", "created", "payment_method_details")}
        return {**charge, **kept}

    def cancel(self, intent: Json, reason: str | None) -> Json:
        if intent["status"] not in _CANCELABLE:
            raise unexpected_state(intent, "cancel")
        intent.update(
            status="canceled",
            canceled_at=self._books.now(),
            cancellation_reason=reason,
            next_action=None,
        )
        self._books.note("payment_intent.canceled", self._books.keep(intent))
        return intent

    def _ask_buyer(self, intent: Json) -> Json:
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
        intent.update(status="requires_action", next_action=action)
        self._books.note("payment_intent.requires_action", self._books.keep(intent))
        return intent


def new_intent(form: Json, *, amount: int, live: bool, now: int) -> Json:
    key = new_id("pi")
    named = "payment_method_types" in form
    automatic = form.get("automatic_payment_methods", {})
    return {
        "id": key,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": {
            "allow_redirects": automatic.get("allow_redirects", "always"),
            "enabled": automatic.get("enabled", "false" if named else "true") == "true",
        },
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{key}_secret_{new_id('s')[2:]}",
        "confirmation_method": "automatic",
        "created": now,
        "currency": form["currency"].lower(),
        "customer": form.get("customer"),
        "description": form.get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": live,
        "metadata": dict(form.get("metadata") or {}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": form.get("receipt_email"),
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def new_charge(intent: Json, *, method: str, error: Json | None, now: int) -> Json:
    """Paid, unless there is an `error`."""
    key = new_id("ch")
    good = error is None
    return {
        "id": key,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if good else 0,
        "amount_refunded": 0,
        "balance_transaction": new_id("txn") if good else None,
        "captured": good,
        "created": now,
        "currency": intent["currency"],
        "disputed": False,
        "failure_code": error and error["code"],
        "failure_message": error and error["message"],
        "livemode": intent["livemode"],
        "metadata": intent["metadata"],
        "outcome": {
            "network_status": "approved_by_network" if good else "declined_by_network",
            "reason": error and error.get("decline_code"),
            "risk_level": "normal",
            "seller_message": "Payment complete." if good else "The bank declined the payment.",
            "type": "authorized" if good else "issuer_declined",
        },
        "paid": good,
        "payment_intent": intent["id"],
        "payment_method": method,
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242"}},
        "receipt_url": f"https://receipts.example.test/{key}" if good else None,
        "refunded": False,
        "status": "succeeded" if good else "failed",
    }


def pending_charge(intent: Json, *, method: str, now: int) -> Json:
    """A charge whose money takes days."""
    charge = new_charge(intent, method=method, error=None, now=now)
    bank = {"type": "us_bank_account", "us_bank_account": {"bank_name": "TEST BANK"}}
    return {
        **charge,
        "balance_transaction": None,
        "paid": False,
        "payment_method_details": bank,
        "receipt_url": None,
        "status": "pending",
    }
