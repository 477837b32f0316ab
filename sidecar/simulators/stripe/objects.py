"""Stripe's objects as they are when new. Amounts are Stripe's minor units."""

from __future__ import annotations

import secrets
import string

from simulators.base import Json

_ALPHABET = string.ascii_letters + string.digits
_DISPUTE_DAYS = 7 * 24 * 3600


def new_id(prefix: str) -> str:
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(24))


def new_intent(form: Json, *, amount: int, live: bool, now: int) -> Json:
    key = new_id("pi")
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
            "enabled": automatic.get("enabled", "true") == "true",
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
        "payment_method_details": {"type": "card", "card": {"brand": "visa"}},
        "receipt_url": f"https://receipts.example.test/{key}" if good else None,
        "refunded": False,
        "status": "succeeded" if good else "failed",
    }


def pending_charge(intent: Json, *, method: str, now: int) -> Json:
    """One whose money takes days."""
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
    """In the merchant's currency, which need not be the charge's: here dollars for everything."""
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


def new_event(kind: str, about: Json, previous: Json | None, *, api_version: str, now: int) -> Json:
    data: Json = {"object": about}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": new_id("evt"),
        "object": "event",
        "api_version": api_version,
        "created": now,
        "data": data,
        "livemode": about.get("livemode", False),
        "pending_webhooks": 1,
        "request": {"id": new_id("req"), "idempotency_key": None},
        "type": kind,
    }
