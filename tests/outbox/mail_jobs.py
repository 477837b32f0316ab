"""A mail of each kind, as the database gives it."""

from __future__ import annotations

from typing import Any

from coinslot.database.mails import MailJob

KINDS = (
    *("receipt", "refund", "payment_failed", "deposit", "deposit_due", "tokens_low"),
    *("tokens_expiring", "review", "dispute", "discrepancy", "ledger_unsound", "endpoint_off"),
    *("subscription_trial", "subscription_price", "subscription_renewal", "subscription_failed"),
    *("subscription_ended", "top_up_suspended"),
    *("cash_receipt", "cash_receipt_failed", "cash_receipt_case"),
)
OPTIONAL = ("tokens_low", "tokens_expiring")
TOKEN = "abcdefghijklmnopqrstuvwx"
BUSINESS = {
    "name": "코인슬롯 주식회사",
    "ceo": "홍길동",
    "registration": "123-45-67891",
    "address": "서울특별시 중구 세종대로 110",
    "phone": "02-1234-5678",
    "email": "help@example.com",
}
_ORDER = {
    "order_id": "ord_0123456789abcdef0123456789abcdef",
    "status": "completed",
    "gateway": "acme",
    "product_id": "standard",
    "quantity": 2,
    "amount": 24000,
    "currency": "KRW",
    "paid": 24000,
    "refunded": 0,
    "tokens": 60,
    "due_at": "2026-12-03T14:59:00+00:00",
    "amount_refunded": 12000,
    "disputed": 24000,
}
_PAYMENT = {
    "name": "30 tokens",
    "name_ko": "토큰 30개",
    "quantity": 2,
    "amount": 24000,
    "currency": "KRW",
    "tokens": 60,
    "refunded": 0,
    "paid_at": "2026-12-01T01:00:05+00:00",
    "method": "card",
    "card": {"brand": "현대", "last_four": "43**", "approval": "00123456"},
    "virtual_account": {"bank": "국민은행", "account_number": "1234567890123", "holder": "홍길동"},
}
_SUBSCRIPTION = {
    "subscription_id": "0b9c8f55-3b0e-4b8e-9a35-7b8f2c1f4a10",
    "status": "past_due",
    "plan_id": "plus",
    "family": "main",
    "gateway": "acme",
    "method_id": "7a3e5112-b419-46c0-af38-bea766ac4602",
    "every": "month",
    "amount": 9900,
    "currency": "KRW",
    "tokens": 300,
    "period_start": "2026-12-01T01:00:00+00:00",
    "period_end": "2027-01-01T01:00:00+00:00",
    "cancel_at_end": False,
}
SHOWN = {"name": "Plus", "name_ko": "플러스", "brand": "현대", "last_four": "1234"}
_RECEIPT = {
    "order_id": _ORDER["order_id"],
    "gateway": "acme",
    "kind": "income_deduction",
    "status": "issued",
    "amount": 24000,
    "currency": "KRW",
    "issue_number": "G00041237",
}
_UNISSUED = {**_RECEIPT, "status": "failed", "amount": 0, "failure_code": "TS1"}
_OF_RECEIPTS = {
    "cash_receipt": _RECEIPT,
    "cash_receipt_failed": _UNISSUED,
    "cash_receipt_case": _UNISSUED,
}
_OTHER = {
    "tokens_low": {"tokens": 9, "mark": 10},
    "tokens_expiring": {"tokens": 25, "expires_at": "2026-12-08T15:00:00+00:00", "paid": True},
    "discrepancy": {
        "discrepancy_id": 7,
        "kind": "wrong_amount",
        "gateway": "acme",
        "order_id": _ORDER["order_id"],
    },
    "ledger_unsound": {"discrepancy_id": 8, "kind": "ledger_unsound"},
    "endpoint_off": {"endpoint_id": "8a0d5a52-6f2e-4c1e-9a44-2b1f6f0f7d11", "reason": "failing"},
    "subscription_trial": {
        **_SUBSCRIPTION,
        "status": "trialing",
        "charge_at": "2027-01-01T01:00:00+00:00",
        "agreed": False,
    },
    "subscription_price": {
        **_SUBSCRIPTION,
        "next_amount": 11900,
        "from": "2027-01-01T01:00:00+00:00",
        "ends": True,
    },
    "subscription_renewal": {**_SUBSCRIPTION, "charge_at": "2027-01-01T01:00:00+00:00"},
    "subscription_failed": {
        **_SUBSCRIPTION,
        "class": "soft",
        "attempt": 1,
        "retry_at": "2026-12-02T01:00:00+00:00",
        "ends_at": "2026-12-09T01:00:00+00:00",
    },
    "subscription_ended": {**_SUBSCRIPTION, "reason": "unpaid", "previous_status": "past_due"},
    "top_up_suspended": {
        "product_id": "standard",
        "gateway": "acme",
        "method_id": "7a3e5112-b419-46c0-af38-bea766ac4602",
        "amount": 12000,
        "currency": "KRW",
        "tokens": 30,
        "status": "suspended",
        "reason": "declined",
    },
}


def job(kind: str, locale: str | None = "ko", **changes: Any) -> MailJob:  # noqa: ANN401
    given = {
        "id": 41,
        "attempt": 1,
        "kind": kind,
        "event_id": "evt_0123456789abcdef0123456789abcdef",
        "address": "buyer@example.com",
        "locale": locale,
        "happened_at": "2026-12-01T01:00:06+00:00",
        "live": True,
        "data": {**_OTHER, **_OF_RECEIPTS}.get(kind, _ORDER),
        "payment": None if kind in _OTHER else _PAYMENT,
        "business": BUSINESS,
        "links": {},
        "unsubscribe": TOKEN if kind in OPTIONAL else None,
        "shown": SHOWN if kind.startswith(("subscription", "top_up")) else None,
        **changes,
    }
    return MailJob.model_validate(given)
