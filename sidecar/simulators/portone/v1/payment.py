"""PortOne V1's Payment object and its changes. Amounts are in currency units, as in its API."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from simulators.requests import NotPossible

if TYPE_CHECKING:
    from simulators.turns import BuyerTurn

Json = dict[str, Any]

_WEEK = 7 * 24 * 3600
_EMPTY: Json = {
    "channel": "pc",
    "pg_provider": "tosspayments",
    "emb_pg_provider": None,
    "pg_id": "tosstest",
    "escrow": False,
    "apply_num": None,
    "bank_code": None,
    "bank_name": None,
    "card_code": None,
    "card_name": None,
    "card_issuer_code": None,
    "card_issuer_name": None,
    "card_publisher_code": None,
    "card_publisher_name": None,
    "card_quota": 0,
    "card_number": None,
    "card_type": None,
    "vbank_code": None,
    "vbank_name": None,
    "vbank_num": None,
    "vbank_holder": None,
    "vbank_date": 0,
    "vbank_issued_at": 0,
    "name": "",
    "cancel_amount": 0,
    "buyer_name": "Kim",
    "buyer_email": "buyer@example.test",
    "buyer_tel": "010-0000-0000",
    "buyer_addr": None,
    "buyer_postcode": None,
    "custom_data": "{}",
    "user_agent": "Mozilla/5.0",
    "paid_at": 0,
    "failed_at": 0,
    "cancelled_at": 0,
    "fail_reason": None,
    "cancel_reason": None,
    "receipt_url": None,
    "cash_receipt_issued": False,
    "customer_uid": None,
    "customer_uid_usage": None,
}
_CARD: Json = {
    "card_code": "366",
    "card_name": "신한카드",
    "card_issuer_code": "366",
    "card_issuer_name": "신한카드",
    "card_publisher_code": "366",
    "card_publisher_name": "신한카드",
    "card_number": "555555******5555",
    "card_type": 0,
}


_METHODS = {"transfer": "trans", "virtual_account": "vbank", "mobile": "phone"}


def new_payment(*, imp_uid: str, turn: BuyerTurn, amount: float, currency: str, now: int) -> Json:
    """A payment as the buyer's turn in the window left it."""
    method = turn.method or ("vbank" if turn.outcome == "awaiting_deposit" else "card")
    method = _METHODS.get(method, method)
    payment = {
        **_EMPTY,
        "imp_uid": imp_uid,
        "merchant_uid": turn.order_id,
        "pay_method": method,
        "pg_tid": f"pgtid_{secrets.token_hex(6)}",
        "sandbox": not turn.live,
        "amount": amount,
        "currency": currency,
        "started_at": now,
        "cancel_history": [],
        "cancel_receipt_urls": [],
        **(_CARD if method == "card" else {}),
        **_outcome(turn.outcome, imp_uid, now),
    }
    if turn.discount:
        payment["promotion"] = {"id": "promotion-1", "discount": turn.discount}
    return payment


def _outcome(outcome: str, imp_uid: str, now: int) -> Json:
    if outcome == "paid":
        return {"status": "paid", "apply_num": "00000000", **_received(imp_uid, now)}
    if outcome == "failed":
        reason = "[결제포기] 사용자가 결제를 취소하셨습니다"
        return {"status": "failed", "failed_at": now, "fail_reason": reason}
    if outcome == "abandoned":
        return {"status": "ready"}
    return {
        "status": "ready",
        "vbank_code": "088",
        "vbank_name": "신한은행",
        "vbank_num": f"562111{secrets.randbelow(10**8):08d}",
        "vbank_holder": "(주)상점",
        "vbank_date": now + _WEEK,
        "vbank_issued_at": now,
    }


def _received(imp_uid: str, now: int) -> Json:
    return {"paid_at": now, "receipt_url": f"https://receipts.example.test/{imp_uid}"}


def deposit_in_place(payment: Json, now: int) -> None:
    if payment["status"] != "ready" or not payment["vbank_num"]:
        raise NotPossible("This payment does not wait for a deposit")
    payment.update(status="paid", **_received(payment["imp_uid"], now))


def undo_deposit_in_place(payment: Json) -> None:
    """Takes all of a deposit back. V1 says `paid` of one that was cancelled in part, too."""
    if payment["status"] != "paid" or payment["cancel_amount"] or not payment["vbank_num"]:
        raise NotPossible("This payment has no deposit to take back")
    payment.update(status="ready", paid_at=0, receipt_url=None)
