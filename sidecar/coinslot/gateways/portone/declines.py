"""Codes of the payment companies behind PortOne, as our reasons.

PortOne passes them on as they are, and each company has its own: of a code that does not stand here
the company's sentence is told, which is for its buyers.
"""

DECLINES = {
    "REJECT_CARD_COMPANY": "declined",
    "REJECT_CARD_PAYMENT": "limit_or_balance",
    "REJECT_ACCOUNT_PAYMENT": "limit_or_balance",
    "EXCEED_MAX_DAILY_PAYMENT_COUNT": "daily_limit",
    "EXCEED_MAX_ONE_DAY_AMOUNT": "daily_limit",
    "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT": "monthly_limit",
    "EXCEED_MAX_AMOUNT": "amount_limit",
    "EXCEED_MAX_PAYMENT_AMOUNT": "amount_limit",
    "BELOW_MINIMUM_AMOUNT": "amount_too_small",
    "INVALID_CARD_EXPIRATION": "expired_card",
    "INVALID_CARD_NUMBER": "wrong_number",
    "INVALID_PASSWORD": "wrong_password",
    "INVALID_REJECT_CARD": "card_not_usable",
    "INVALID_STOPPED_CARD": "card_not_usable",
    "INVALID_CARD_LOST_OR_STOLEN": "card_not_usable",
    "NOT_AVAILABLE_BANK": "bank_away",
    "AmountNotEqualToPredefined": "unavailable",
}
