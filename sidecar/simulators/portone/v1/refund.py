"""Cancels at the simulated PortOne V1. Amounts are in currency units, as its API has them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def cancel_in_place(
    payment: Json,
    *,
    amount: float | None,
    checksum: float | None,
    reason: str | None,
    to_account: bool,
    now: int,
) -> str | None:
    """Cancels all that is left, or `amount` of it. Returns PortOne's words where it refuses.

    A deposit goes back to an account, which has to be given.
    """
    left = payment["amount"] - payment["cancel_amount"]
    canceled = amount or left
    if left <= 0:
        return "이미 전액취소된 주문입니다."
    if checksum is not None and checksum != left:
        return "취소가능금액이 checksum과 일치하지 않습니다."
    if payment["vbank_num"] and payment["paid_at"] and not to_account:
        return "환불계좌 정보가 누락되었습니다."
    if canceled > left:
        return "취소요청금액이 취소가능금액을 초과하였습니다."
    _cancel(payment, canceled, reason, now)
    return None


def _cancel(payment: Json, amount: float, reason: str | None, now: int) -> None:
    if amount == payment["amount"] - payment["cancel_amount"]:
        payment["status"] = "cancelled"
    payment["cancel_amount"] += amount
    payment.update(cancelled_at=now, cancel_reason=reason)
    payment["cancel_history"].append(_cancellation(payment, amount, reason, now))


def cancelable(payment: Json) -> bool:
    """True for one that was paid, and for an account that still waits for its deposit."""
    return bool(payment["paid_at"] or payment["vbank_num"])


def _cancellation(payment: Json, amount: float, reason: str | None, now: int) -> Json:
    number = len(payment["cancel_history"]) + 1
    return {
        "pg_tid": f"{payment['pg_tid']}-c{number}",
        "amount": amount,
        "cancelled_at": now,
        "reason": reason or "",
        "cancellation_id": f"cancel-{payment['imp_uid']}-{number}",
        "receipt_url": None,
    }
