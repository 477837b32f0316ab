"""Cancels at the simulated Toss: at once, or with time and then perhaps not at all."""

from __future__ import annotations

import secrets
from typing import Any

from simulators.requests import NotPossible
from simulators.toss.payment import ABROAD, keep_balance, kst

Json = dict[str, Any]

_KEPT = {"DONE", "PARTIAL_CANCELED"}


def cancel_in_place(payment: Json, given: Json, now: int, *, pending: bool = False) -> str | None:
    """Cancels all that is left, or `cancelAmount` of it. Returns Toss's code where it refuses.

    An account that no money came to is closed at once. Toss does not document that the balance
    shrinks while a cancel is still under way.
    """
    balance = payment["balanceAmount"]
    amount = balance if given.get("cancelAmount") is None else given["cancelAmount"]
    if type(amount) not in {int, float}:
        return "INVALID_REQUEST"
    refusal = _refusal(payment, given, amount)
    if refusal is not None:
        return refusal
    cancel = _cancel(given, amount, balance - amount, now)
    deposit, account = payment["approvedAt"], payment["virtualAccount"]
    if deposit and account is not None:
        _send_back(account, given["refundReceiveAccount"], pending=pending)
    elif (pending and account is None) or payment["method"] == ABROAD:
        cancel["cancelStatus"] = "IN_PROGRESS"
    payment["cancels"] = [*(payment["cancels"] or []), cancel]
    payment["lastTransactionKey"] = cancel["transactionKey"]
    _keep(payment, balance - amount)
    return None


def settle_in_place(payment: Json, *, succeeded: bool, returned: bool = False) -> Json | None:
    """Ends the cancel that is under way, and returns it; None for a transfer to an account.

    A transfer that failed is no end: the merchant has it made again, and the cancel stays as it is
    unless its money is `returned` to the balance. Toss does not document that this happens.
    """
    account = payment["virtualAccount"]
    if account is not None and account["refundStatus"] in {"PENDING", "FAILED"}:
        account["refundStatus"] = "COMPLETED" if succeeded else "FAILED"
        if returned:
            _keep(payment, payment["balanceAmount"] + payment["cancels"][-1]["cancelAmount"])
        return None
    under_way = [each for each in payment["cancels"] or [] if each["cancelStatus"] == "IN_PROGRESS"]
    if not under_way:
        raise NotPossible("No cancel of this payment is under way")
    cancel: Json = under_way[0]
    cancel["cancelStatus"] = "DONE" if succeeded else "ABORTED"
    if not succeeded:
        _keep(payment, payment["balanceAmount"] + cancel["cancelAmount"])
    return cancel


def _keep(payment: Json, balance: float) -> None:
    keep_balance(payment, balance)
    part = "DONE" if balance == payment["totalAmount"] else "PARTIAL_CANCELED"
    payment["status"] = part if balance else "CANCELED"


def _refusal(payment: Json, given: Json, amount: float) -> str | None:
    status, balance = payment["status"], payment["balanceAmount"]
    if status == "CANCELED":
        return "ALREADY_CANCELED_PAYMENT"
    if status not in {*_KEPT, "WAITING_FOR_DEPOSIT"}:
        return "NOT_CANCELABLE_PAYMENT"
    if given.get("refundableAmount") not in {None, balance}:
        return "NOT_MATCHES_REFUNDABLE_AMOUNT"
    if not 0 < amount <= balance:
        return "NOT_CANCELABLE_AMOUNT"
    if status == "WAITING_FOR_DEPOSIT":
        return None if amount == balance else "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT"
    return _account_refusal(payment, given.get("refundReceiveAccount"))


def _account_refusal(payment: Json, account: object) -> str | None:
    """Toss's code where a deposit has no account to go back to, else None."""
    if payment["virtualAccount"] is None:
        return None
    if not isinstance(account, dict) or not 1 <= len(str(account.get("holderName") or "")) <= 60:
        return "INVALID_REFUND_ACCOUNT_INFO"
    number = str(account.get("accountNumber", ""))
    if not number.isdigit() or len(number) > 20:
        return "INVALID_REFUND_ACCOUNT_NUMBER"
    return None if account.get("bank") else "INVALID_BANK"


def _send_back(account: Json, receiver: Json, *, pending: bool) -> None:
    account["refundStatus"] = "PENDING" if pending else "COMPLETED"
    account["refundReceiveAccount"] = {
        "bankCode": receiver["bank"],
        "accountNumber": receiver["accountNumber"],
        "holderName": receiver["holderName"],
    }


def _cancel(given: Json, amount: float, left: float, now: int) -> Json:
    return {
        "transactionKey": f"txkey_{secrets.token_hex(8)}",
        "cancelReason": given["cancelReason"],
        "taxExemptionAmount": 0,
        "canceledAt": kst(now),
        "transferDiscountAmount": 0,
        "easyPayDiscountAmount": 0,
        "receiptKey": None,
        "cancelAmount": amount,
        "taxFreeAmount": 0,
        "refundableAmount": left,
        "cancelStatus": "DONE",
        "cancelRequestId": None,
    }
