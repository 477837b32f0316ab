"""Toss's Payment object (API version 2022-11-16) and its changes.

Amounts are in currency units, as its API has them.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from simulators.requests import NotPossible

if TYPE_CHECKING:
    from simulators.turns import BuyerTurn

Json = dict[str, Any]

_KST = timezone(timedelta(hours=9))
_WEEK = 7 * 24 * 3600
WINDOW_SECONDS = 30 * 60
"""A payment window stays open for as long."""
SESSION_SECONDS = 10 * 60
"""A payment can be confirmed for as long after the buyer agreed."""

ABROAD = "해외간편결제"
"""Canceled with time: a cancel is under way before it is done."""
_METHODS = {
    "CARD": "카드",
    "VIRTUAL_ACCOUNT": "가상계좌",
    "EASY_PAY": "간편결제",
    "TRANSFER": "계좌이체",
    "MOBILE_PHONE": "휴대폰",
    "MOBILE": "휴대폰",
    "FOREIGN_EASY_PAY": ABROAD,
}
_EASY_PAYS = {"KAKAOPAY": "카카오페이", "NAVERPAY": "네이버페이", "TOSSPAY": "토스페이"}
_UNPAID = {"READY", "IN_PROGRESS"}


def approval_key(payment_key: str) -> str:
    """The key of the transaction that took the money."""
    return f"txkey_{payment_key.removeprefix('tgen_')}"


def kst(now: int) -> str:
    return datetime.fromtimestamp(now, UTC).astimezone(_KST).isoformat()


def new_payment(turn: BuyerTurn, amount: float, now: int) -> Json:
    """A payment whose buyer has agreed, or has left the window open."""
    agreed = turn.outcome != "abandoned"
    key = f"tgen_{secrets.token_hex(12)}"
    payment: Json = {
        "mId": "tosspayments",
        "version": "2022-11-16",
        "paymentKey": key,
        "status": "IN_PROGRESS" if agreed else "READY",
        "lastTransactionKey": approval_key(key),
        "method": _method(turn) if agreed else None,
        "orderId": turn.order_id,
        "orderName": "Tokens",
        "requestedAt": kst(now),
        "approvedAt": None,
        "useEscrow": False,
        "cultureExpense": False,
        **dict.fromkeys(
            ("card", "virtualAccount", "transfer", "mobilePhone", "giftCertificate", "cashReceipt")
        ),
        **dict.fromkeys(("cashReceipts", "discount", "cancels")),
        "secret": f"ps_{secrets.token_hex(8)}",
        "type": "NORMAL",
        "easyPay": None,
        "country": "KR",
        "failure": None,
        "isPartialCancelable": True,
        "receipt": None,
        "checkout": {"url": f"https://checkout.example.test/{key}"},
        "currency": (turn.currency or "KRW").upper(),
        "totalAmount": amount,
        "metadata": None,
    }
    keep_balance(payment, amount)
    company = _EASY_PAYS.get((turn.method or "").upper(), "토스페이")
    return {**payment, **_instrument(payment["method"], company, amount, turn.discount)}


def _method(turn: BuyerTurn) -> str:
    chosen = turn.method or ("VIRTUAL_ACCOUNT" if turn.outcome == "awaiting_deposit" else "CARD")
    return "간편결제" if chosen.upper() in _EASY_PAYS else _METHODS.get(chosen.upper(), chosen)


def _instrument(method: str | None, company: str, amount: float, discount: float) -> Json:
    if method == "카드":
        off = {"discount": {"amount": discount}} if discount else {}
        return {"card": _card(amount - discount), **off}
    if method == "간편결제":
        easy = {"provider": company, "amount": amount - discount, "discountAmount": discount}
        return {"easyPay": easy}
    return {}


def _card(amount: float) -> Json:
    return {
        "amount": amount,
        "issuerCode": "71",
        "acquirerCode": "71",
        "number": "45009900****008*",
        "installmentPlanMonths": 0,
        "approveNo": "00000000",
        "useCardPoint": False,
        "cardType": "신용",
        "ownerType": "개인",
        "acquireStatus": "READY",
        "isInterestFree": False,
        "interestPayer": None,
    }


def keep_balance(payment: Json, balance: float) -> None:
    vat = round(balance / 11)
    payment.update(
        balanceAmount=balance,
        suppliedAmount=balance - vat,
        vat=vat,
        taxFreeAmount=0,
        taxExemptionAmount=0,
    )


def approve_in_place(payment: Json, now: int) -> None:
    """Takes the money, or opens an account for it."""
    if payment["method"] == "가상계좌":
        payment.update(status="WAITING_FOR_DEPOSIT", virtualAccount=_virtual_account(now))
        return
    payment.update(status="DONE", approvedAt=kst(now))
    payment["receipt"] = {"url": f"https://receipts.example.test/{payment['paymentKey']}"}


def _virtual_account(now: int) -> Json:
    return {
        "accountType": "일반",
        "accountNumber": f"X{secrets.randbelow(10**13):013d}",
        "bankCode": "20",
        "customerName": "김토큰",
        "depositorName": None,
        "dueDate": kst(now + _WEEK),
        "refundStatus": "NONE",
        "expired": False,
        "settlementStatus": "INCOMPLETED",
        "refundReceiveAccount": None,
    }


def age_in_place(payment: Json, agreed_at: int | None, opened_at: int, now: int) -> bool:
    """Lets accounts and windows expire. True if Toss sends a webhook: it does so for windows."""
    account = payment["virtualAccount"]
    if payment["status"] == "WAITING_FOR_DEPOSIT" and not account["expired"]:
        account["expired"] = now > datetime.fromisoformat(account["dueDate"]).timestamp()
    ends = opened_at + WINDOW_SECONDS if agreed_at is None else agreed_at + SESSION_SECONDS
    if payment["status"] not in _UNPAID or now <= ends:
        return False
    payment["status"] = "EXPIRED"
    return True


def deposit_in_place(payment: Json, now: int) -> None:
    if payment["status"] != "WAITING_FOR_DEPOSIT" or payment["virtualAccount"]["expired"]:
        raise NotPossible("This payment does not wait for a deposit")
    payment.update(status="DONE", approvedAt=kst(now))
    payment["virtualAccount"]["depositorName"] = payment["virtualAccount"]["customerName"]


def undo_deposit_in_place(payment: Json) -> None:
    """Takes a deposit back: the buyer's bank found that there was none."""
    if payment["status"] != "DONE" or payment["virtualAccount"] is None:
        raise NotPossible("This payment has no deposit to take back")
    payment.update(status="WAITING_FOR_DEPOSIT", approvedAt=None)
    payment["virtualAccount"]["depositorName"] = None
