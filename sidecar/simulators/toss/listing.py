"""The simulated Toss's list of transactions: approvals, deposits, and the cancels of either."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from simulators.toss.errors import TossError
from simulators.toss.payment import approval_key

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]

_KST = timezone(timedelta(hours=9))
_LIMIT, _LARGEST = 100, 5000
_WAITING = "WAITING_FOR_DEPOSIT"


def page(payments: Iterable[Json], undone: Iterable[Json], query: Json) -> list[Json]:
    """The transactions from `startDate` through `endDate`, after `startingAfter`, oldest first.

    `undone`: each deposit that a bank took back, and when it came and went.
    """
    since, until = _time(query.get("startDate")), _time(query.get("endDate"))
    gone = list(undone)
    found = sorted(
        (each for payment in payments for each in _transactions(payment, gone)),
        key=lambda each: datetime.fromisoformat(each["transactionAt"]),
    )
    if (after := query.get("startingAfter")) is not None:
        keys = [each["transactionKey"] for each in found]
        if after not in keys:
            raise TossError("INVALID_TRANSACTION_KEY")
        found = found[keys.index(after) + 1 :]
    end = until + timedelta(seconds=1)
    inside = [
        each for each in found if since <= datetime.fromisoformat(each["transactionAt"]) < end
    ]
    return inside[: _limit(query.get("limit"))]


def _transactions(payment: Json, undone: list[Json]) -> Iterable[Json]:
    """The payment's own, then its cancels. An account has one when it is issued, and one for each
    deposit that was taken back: whether Toss shows these is not documented."""
    key, total = payment["paymentKey"], payment["totalAmount"]
    if payment["virtualAccount"]:
        yield _row(payment, f"issued_{key}", payment["requestedAt"], total, status=_WAITING)
    for number, deposit in enumerate(each for each in undone if each["paymentKey"] == key):
        yield _row(payment, f"came{number}_{key}", deposit["came"], total, status="DONE")
        yield _row(payment, f"went{number}_{key}", deposit["went"], total, status=_WAITING)
    if payment["approvedAt"]:
        yield _row(payment, approval_key(key), payment["approvedAt"], total, status="DONE")
    left = payment["totalAmount"]
    for cancel in payment["cancels"] or []:
        left -= cancel["cancelAmount"]
        if cancel["cancelStatus"] == "DONE":
            status = "PARTIAL_CANCELED" if left > 0 else "CANCELED"
            key, at, amount = (
                cancel[name] for name in ("transactionKey", "canceledAt", "cancelAmount")
            )
            # The sign of a cancel's amount is not documented.
            yield _row(payment, key, at, amount, status=status)


def _row(payment: Json, key: str, at: str, amount: float, *, status: str) -> Json:
    same = {name: payment[name] for name in ("mId", "paymentKey", "orderId", "method", "useEscrow")}
    return {
        **same,
        "transactionKey": key,
        "customerKey": None,
        "receiptUrl": None,
        "status": status,
        "transactionAt": at,
        "currency": payment["currency"],
        "amount": amount,
    }


def _time(text: str | None) -> datetime:
    """The moment, in Korean time where no zone is named."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError as error:
        raise TossError("INVALID_DATE") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=_KST)


def _limit(text: str | None) -> int:
    if text is not None and not text.isdigit():
        raise TossError("INVALID_REQUEST")
    return min(int(text), _LARGEST) if text else _LIMIT
