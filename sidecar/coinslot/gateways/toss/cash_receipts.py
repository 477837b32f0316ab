"""Cash receipts at Toss: issued beside the payment, or by Toss itself with it.

A receipt that was issued here is not linked to the payment, and nothing reads one by its key: its
outcome is in the list of the day on which it was asked for, a day or two later. One that came with
the payment is in the payment, and Toss enters each refund in it by itself.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coinslot.errors import GatewayUnavailable
from coinslot.gateways.cash_receipts import PATIENT_TRIES, CashReceipt, refused
from coinslot.gateways.http import json_object, nonsense
from coinslot.gateways.money import as_number, to_minor
from coinslot.gateways.toss import refusals
from coinslot.gateways.toss.times import KOREA, zoned
from coinslot.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    import httpx

    from coinslot.gateways.cash_receipts import ReceiptStep
    from coinslot.gateways.http import GatewayHttp

log = structlog.get_logger(__name__)

TYPES = {
    "income_deduction": "소득공제",
    "expenditure_proof": "지출증빙",
    "self_issued": "소득공제",
}
# The order has a receipt: the list tells which.
ISSUED_BEFORE = "DUPLICATED_CASH_RECEIPT"
_PAGE = 1000
_LONGEST_NAME = 100


class _Failure(BaseModel):
    code: Text | None = None
    message: Text | None = None


class _Row(BaseModel):
    """A CashReceipt of Toss's: an issue, or a cancel of one."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    receiptKey: str  # noqa: N815 - Toss's names, here and below
    transactionType: Literal["CONFIRM", "CANCEL"]  # noqa: N815
    issueStatus: Literal["IN_PROGRESS", "COMPLETED", "FAILED"]  # noqa: N815
    amount: Decimal = Field(ge=0)
    orderId: str | None = None  # noqa: N815
    issueNumber: Text | None = None  # noqa: N815
    failure: _Failure | None = None
    requestedAt: datetime | None = None  # noqa: N815


class TossCashReceipts:
    def __init__(self, http: GatewayHttp, headers: Mapping[str, str]) -> None:
        self._http = http
        self._headers = headers

    async def issue(self, step: ReceiptStep) -> CashReceipt:
        """Under one idempotency key, so that a lost answer is given again. An error that Toss keeps
        under it is got past under another: the order id lets no second one be issued."""
        if (own := await self._with_payment(step)) is not None:
            return own
        order_id, amount = _order_id(step), step.asked or 0
        body = {
            "amount": as_number(amount, step.order.currency),
            "orderId": order_id,
            "orderName": step.order.spoken_name[:_LONGEST_NAME],
            "type": TYPES[step.kind],
            "customerIdentityNumber": step.number,
            **({"taxFreeAmount": step.tax_free} if step.tax_free else {}),
        }
        response = await self._post("/v1/cash-receipts", f"cash:{order_id}", body)
        if _is_kept(response):
            key = f"cash:{order_id}:{step.tries}"
            response = await self._post("/v1/cash-receipts", key, body)
        if response.status_code == 200:
            return _answered(response, amount, 0)
        code, message = refusals.error(response)
        if code == ISSUED_BEFORE:
            return await self._listed(step)
        _require_refusal(response, code)
        return refused(step, 0, code, message)

    async def cancel(self, step: ReceiptStep) -> CashReceipt:
        """By the amount refunded, which is named also where it is all. Nothing guards a second
        cancel but the key: another is used only where a day has passed, and no list has the first.
        """
        if (own := await self._with_payment(step)) is not None or step.receipt_key is None:
            return own or refused(step, step.amount, "no_key")
        path = f"/v1/cash-receipts/{quote(step.receipt_key, safe='')}/cancel"
        key = f"cash-cancel:{step.receipt_key}:{step.answers}"
        left = step.asked or 0
        body = {"amount": as_number(step.amount - left, step.order.currency)}
        response = await self._post(path, key, body)
        if _is_kept(response) and step.tries >= PATIENT_TRIES:
            listed = await self._listed(step)
            if listed.amount < step.amount:
                return listed
            response = await self._post(path, f"{key}:{step.tries}", body)
        if response.status_code == 200:
            return _answered(response, left, step.amount)
        code, message = refusals.error(response)
        _require_refusal(response, code)
        return refused(step, step.amount, code, message)

    async def read(self, step: ReceiptStep) -> CashReceipt:
        return await self._with_payment(step) or await self._listed(step)

    async def _with_payment(self, step: ReceiptStep) -> CashReceipt | None:
        """The receipt that came with the payment; None where there is none."""
        path = f"/v1/payments/{quote(step.payment_key, safe='')}"
        response = await self._http.request("GET", path, headers=self._headers)
        if response.status_code != 200:
            raise refusals.refused("read", response.status_code, refusals.error(response)[0])
        payment = json_object(response)
        rows = _parsed(payment.get("cashReceipts") or ())
        if (told := _tally(rows, step)) is not None:
            return replace(told, by_gateway=True)
        short, balance = payment.get("cashReceipt"), payment.get("balanceAmount")
        if not isinstance(short, dict) or not isinstance(balance, (int, Decimal)):
            return None
        amount = to_minor(Decimal(balance), step.order.currency)
        key, number = short.get("receiptKey"), short.get("issueNumber")
        return CashReceipt(
            amount,
            "issued",
            by_gateway=True,
            receipt_key=key if isinstance(key, str) else None,
            issue_number=number if isinstance(number, str) else None,
        )

    async def _listed(self, step: ReceiptStep) -> CashReceipt:
        """The receipt in the lists; what they do not have yet is unknown."""
        rows = await self._rows(step)
        told = _tally(rows, step)
        if told is None:
            raise GatewayUnavailable
        failed = any(each.issueStatus == "FAILED" for each in rows)
        if step.asked is None and told.amount > step.amount and not failed:
            # A cancel that Toss took on is not listed yet.
            raise GatewayUnavailable
        if step.asked is None and 0 == told.amount < step.amount and told.said != "failed":
            return CashReceipt(0, "cancelled", told.final, receipt_key=told.receipt_key)
        return told

    async def _rows(self, step: ReceiptStep) -> list[_Row]:
        """Of the days on which Toss was asked. A call around midnight is in the next one's."""
        days = {day for asked in step.asked_on for day in (asked, asked + timedelta(days=1))}
        lists = [await self._day(day) for day in sorted(days)]
        keys = {step.receipt_key, f"c_{step.receipt_key}"} if step.receipt_key else set()
        mine = [
            row
            for each in lists
            for row in each
            if row.get("orderId") == _order_id(step) or row.get("receiptKey") in keys
        ]
        return _parsed(mine)

    async def _day(self, day: date) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        query: dict[str, str] = {"requestDate": day.isoformat(), "limit": str(_PAGE)}
        while True:
            response = await self._http.request(
                "GET", "/v1/cash-receipts", headers=self._headers, params=query
            )
            if response.status_code != 200:
                code, _ = refusals.error(response)
                raise refusals.refused("cash receipts", response.status_code, code)
            page = json_object(response)
            found, cursor = page.get("data"), page.get("lastCursor")
            if not isinstance(found, list):
                raise nonsense("a list of cash receipts without its rows")
            rows += [each for each in found if isinstance(each, dict)]
            if page.get("hasNext") is not True or not found:
                return rows
            query["cursor"] = str(cursor)

    async def _post(self, path: str, key: str, body: Mapping[str, Any]) -> httpx.Response:
        headers = {**self._headers, "Idempotency-Key": key}
        return await self._http.answer("POST", path, headers=headers, json=body)


def _order_id(step: ReceiptStep) -> str:
    """An order id has one receipt, so that one which failed is issued anew under another."""
    order_id = step.order.order_id
    return order_id if step.attempt <= 1 else f"{order_id}-{step.attempt}"


def _when(row: _Row) -> datetime:
    return zoned(row.requestedAt) if row.requestedAt else datetime.min.replace(tzinfo=KOREA)


def _tally(rows: Iterable[_Row], step: ReceiptStep) -> CashReceipt | None:
    """The sum of an issue and its cancels; None without an issue."""
    ordered = sorted(rows, key=_when)
    issues = [each for each in ordered if each.transactionType == "CONFIRM"]
    if not issues:
        return None
    issue, failed = issues[-1], issues[-1].failure or _Failure()
    if issue.issueStatus == "FAILED":
        return refused(step, 0, failed.code or "FAILED", failed.message)
    cancels = [each for each in ordered if each.transactionType == "CANCEL"]
    standing = issue.amount - sum(
        (each.amount for each in cancels if each.issueStatus != "FAILED"), Decimal(0)
    )
    amount = to_minor(max(standing, Decimal(0)), step.order.currency)
    if cancels and cancels[-1].issueStatus == "FAILED" and amount != step.wanted:
        failed = cancels[-1].failure or _Failure()
        return refused(step, amount, failed.code or "FAILED", failed.message)
    open_yet = any(each.issueStatus == "IN_PROGRESS" for each in (issue, *cancels))
    return CashReceipt(
        amount,
        "in_progress" if open_yet else "issued",
        final=not open_yet,
        receipt_key=issue.receiptKey,
        issue_number=issue.issueNumber,
    )


def _answered(response: httpx.Response, amount: int, before: int) -> CashReceipt:
    """The receipt that a call came to: `amount` where Toss took it on, else as it was `before`."""
    row = _parsed([json_object(response)])[0]
    if row.issueStatus == "FAILED":
        code = row.failure.code if row.failure else None
        return CashReceipt(before, "failed", failure_code=code or "FAILED")
    done = row.issueStatus == "COMPLETED"
    issued = row.transactionType == "CONFIRM"
    return CashReceipt(
        amount,
        "issued" if done else "in_progress",
        final=done,
        receipt_key=row.receiptKey if issued else None,
        issue_number=row.issueNumber if issued else None,
    )


def _parsed(rows: Iterable[object]) -> list[_Row]:
    try:
        return [_Row.model_validate(each) for each in rows]
    except ValidationError as error:
        raise nonsense("a cash receipt does not parse") from error


def _is_kept(response: httpx.Response) -> bool:
    status = response.status_code
    return status != 200 and refusals.is_kept(status, refusals.error(response)[0])


def _require_refusal(response: httpx.Response, code: str | None) -> None:
    """Raises for what is no answer to whether there is a receipt now."""
    status = response.status_code
    unknown = code is None or code in refusals.OUR_KEYS or status in refusals.LATER
    if unknown or status < 400 or refusals.is_kept(status, code):
        raise refusals.refused("cash receipt", status, code)
