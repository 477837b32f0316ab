"""PortOne V2's Payment object and its changes. Amounts are minor units, as in its API."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from simulators.requests import NotPossible

if TYPE_CHECKING:
    from simulators.turns import BuyerTurn

Json = dict[str, Any]

_WEEK = 7 * 24 * 3600
_CARD: Json = {
    "type": "PaymentMethodCard",
    "card": {
        "publisher": "SHINHAN_CARD",
        "issuer": "SHINHAN_CARD",
        "brand": "MASTER",
        "type": "CREDIT",
        "ownerType": "PERSONAL",
        "bin": "555555",
        "name": "신한카드",
        "number": "555555******5555",
    },
    "approvalNumber": "00000000",
    "installment": {"month": 0, "isInterestFree": False},
    "pointUsed": False,
}


_METHODS: dict[str, Json] = {
    "card": _CARD,
    **{
        company.lower(): {"type": "PaymentMethodEasyPay", "provider": company}
        for company in ("KAKAOPAY", "NAVERPAY", "TOSSPAY")
    },
    "transfer": {"type": "PaymentMethodTransfer", "bank": "SHINHAN"},
    "mobile": {"type": "PaymentMethodMobile"},
}


def new_payment(
    *, turn: BuyerTurn, total: int, currency: str, store_id: str, channel_key: str, now: int
) -> Json:
    """One attempt, as the buyer's turn in the window left it. `total` is in minor units."""
    transaction_id = str(uuid4())
    payment = {
        "id": turn.order_id,
        "transactionId": transaction_id,
        "merchantId": "merchant-sandbox",
        "storeId": store_id,
        "version": "V2",
        "requestedAt": stamp(now),
        "updatedAt": stamp(now),
        "statusChangedAt": stamp(now),
        "orderName": "Tokens",
        "amount": _amount(total, int(turn.discount)),
        "currency": currency,
        "customer": {"id": "buyer-1", "email": "buyer@example.test"},
        "customData": "{}",
        "origin": {
            "platformType": "PC",
            "userAgent": "Mozilla/5.0",
            "url": "https://shop.example.test/",
            "ipAddress": "203.0.113.7",
        },
    }
    if turn.outcome == "abandoned":
        return {**payment, "status": "READY"}
    payment["channel"] = _channel(channel_key, live=turn.live)
    return {**payment, **_outcome(turn, transaction_id, now)}


def stamp(now: int) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def deposit_in_place(payment: Json, now: int) -> None:
    if payment["status"] != "VIRTUAL_ACCOUNT_ISSUED":
        raise NotPossible("This payment does not wait for a deposit")
    payment.update(_received(payment["transactionId"], now), **moved("PAID", now))


def undo_deposit_in_place(payment: Json, now: int) -> None:
    method = payment.get("method", {})
    if payment["status"] != "PAID" or method.get("type") != "PaymentMethodVirtualAccount":
        raise NotPossible("This payment has no deposit to take back")
    for field in ("paidAt", "receiptUrl", "disputes"):
        payment.pop(field, None)
    payment.update(moved("VIRTUAL_ACCOUNT_ISSUED", now))


def dispute_in_place(payment: Json, now: int) -> None:
    if payment["status"] != "PAID":
        raise NotPossible("Only a paid payment can be disputed")
    payment["disputes"].append(
        {"status": "UNRESOLVED", "reason": "not received", "createdAt": stamp(now)}
    )


def resolve_dispute_in_place(payment: Json, now: int) -> None:
    if not payment.get("disputes"):
        raise NotPossible("This payment is not disputed")
    for dispute in payment["disputes"]:
        dispute.update(status="RESOLVED", resolvedAt=stamp(now))


def _amount(total: int, discount: int) -> Json:
    return {
        "total": total,
        "taxFree": 0,
        "vat": total // 11,
        "supply": total - total // 11,
        "discount": discount,
        # PortOne gives it also for a payment that nobody has paid yet.
        "paid": total - discount,
        "cancelled": 0,
        "cancelledTaxFree": 0,
    }


def _channel(key: str, *, live: bool) -> Json:
    return {
        "type": "LIVE" if live else "TEST",
        "id": "channel-id-sandbox",
        "key": key,
        "name": "sandbox",
        "pgProvider": "TOSSPAYMENTS",
        "pgMerchantId": "tosstest",
    }


def _outcome(turn: BuyerTurn, transaction_id: str, now: int) -> Json:
    if turn.outcome == "failed":
        failure = {
            "reason": "한도 초과",
            "pgCode": "REJECT_CARD_PAYMENT",
            "pgMessage": "한도초과 혹은 잔액부족",
        }
        return {"status": "FAILED", "failedAt": stamp(now), "failure": failure}
    if turn.outcome == "paid":
        method = _METHODS.get(turn.method or "card") or {"type": turn.method}
        return {"status": "PAID", "method": method, **_received(transaction_id, now)}
    account = {
        "type": "PaymentMethodVirtualAccount",
        "bank": "SHINHAN",
        "accountNumber": f"562111{secrets.randbelow(10**8):08d}",
        "accountType": "NORMAL",
        "remitteeName": "(주)상점",
        "remitterName": "Kim",
        "issuedAt": stamp(now),
        "expiredAt": stamp(now + _WEEK),
    }
    issued = {"status": "VIRTUAL_ACCOUNT_ISSUED", "method": account}
    return {**issued, "pgTxId": f"tgen_{transaction_id[:8]}"}


def _received(transaction_id: str, now: int) -> Json:
    return {
        "paidAt": stamp(now),
        "pgTxId": f"tgen_{transaction_id[:8]}",
        "receiptUrl": f"https://receipts.example.test/{transaction_id}",
        "disputes": [],
    }


def moved(status: str, now: int) -> Json:
    return {"status": status, "statusChangedAt": stamp(now), "updatedAt": stamp(now)}
