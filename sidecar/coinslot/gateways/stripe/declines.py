"""Stripe's codes of declined payments, as our reasons (docs.stripe.com/declines/codes).

A decline code is more exact than the error's code and comes first. That a card was reported lost or
stolen is not to be told to whoever holds it.
"""

DECLINES = {
    "card_declined": "declined",
    "generic_decline": "declined",
    "do_not_honor": "declined",
    "call_issuer": "declined",
    "fraudulent": "declined",
    "lost_card": "declined",
    "stolen_card": "declined",
    "pickup_card": "declined",
    "merchant_blacklist": "declined",
    "restricted_card": "declined",
    "security_violation": "declined",
    "transaction_not_allowed": "declined",
    "try_again_later": "declined",
    "payment_method_provider_decline": "declined",
    "insufficient_funds": "limit_or_balance",
    "withdrawal_count_limit_exceeded": "limit_or_balance",
    "card_velocity_exceeded": "limit_or_balance",
    "amount_too_large": "amount_limit",
    "amount_too_small": "amount_too_small",
    "expired_card": "expired_card",
    "invalid_expiry_month": "expired_card",
    "invalid_expiry_year": "expired_card",
    "incorrect_number": "wrong_number",
    "invalid_number": "wrong_number",
    "incorrect_cvc": "wrong_cvc",
    "invalid_cvc": "wrong_cvc",
    "incorrect_pin": "wrong_password",
    "invalid_pin": "wrong_password",
    "pin_try_exceeded": "too_many_tries",
    "card_not_supported": "card_not_usable",
    "currency_not_supported": "card_not_usable",
    "invalid_account": "account_not_usable",
    "new_account_information_available": "account_not_usable",
    "bank_account_declined": "account_not_usable",
    "issuer_not_available": "bank_away",
    "processing_error": "bank_away",
    "approve_with_id": "authentication",
    "authentication_required": "authentication",
    "authentication_not_handled": "authentication",
    "payment_intent_authentication_failure": "authentication",
    "payment_method_customer_decline": "authentication",
    "payment_intent_payment_attempt_expired": "timed_out",
    "payment_intent_payment_attempt_failed": "declined",
    "payment_method_not_available": "unavailable",
}


def reason_of(code: str | None, decline_code: str | None) -> str:
    """Our reason; of a code that we do not know, that it was declined. Stripe's own sentences are
    English, and for whoever writes the page as often as for whoever pays on it."""
    return DECLINES.get(decline_code or "") or DECLINES.get(code or "") or "declined"
