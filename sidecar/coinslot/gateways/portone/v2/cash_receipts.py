"""Cash receipts at PortOne V2: issued for a payment's id, cancelled all at once.

The receipt is read before anything is asked, since some payment companies issue one with the
payment, cancel it with a refund, or do neither. A 502 that names the payment company is no answer:
the receipt is read again. Facts: developers.portone.io, REST API V2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coinslot.errors import GatewayUnavailable
from coinslot.gateways.cash_receipts import PATIENT_TRIES, CashReceipt, refused
from coinslot.gateways.http import json_object, nonsense
from coinslot.text import Text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from coinslot.gateways.cash_receipts import ReceiptStep

log = structlog.get_logger(__name__)

STATUSES = ("ISSUED", "CANCELLED", "ISSUE_FAILED")
ISSUED_BEFORE = "CASH_RECEIPT_ALREADY_ISSUED"
NONE = frozenset({"CASH_RECEIPT_NOT_FOUND", "CASH_RECEIPT_NOT_ISSUED"})


class _Receipt(BaseModel):
    model_config = ConfigDict(extra="ignore")

    status: str
    amount: int = Field(ge=0)
    isManual: bool = True  # noqa: N815 - PortOne's names, here and below
    pgReceiptId: Text | None = None  # noqa: N815
    issueNumber: Text | None = None  # noqa: N815


class V2CashReceipts:
    """`call` asks PortOne; `channel` is the key of the channel of a way to pay."""

    def __init__(
        self,
        call: Callable[..., Awaitable[httpx.Response]],
        *,
        store_id: str,
        channel: Callable[[str | None], str],
    ) -> None:
        self._call = call
        self._store_id = store_id
        self._channel = channel

    async def issue(self, step: ReceiptStep) -> CashReceipt:
        found = await self._found(step)
        if found is not None and (found.amount or (found.said == "failed" and step.tries > 1)):
            return found
        if not step.wanted:
            return CashReceipt(0, "issued")
        response = await self._call(
            "POST", "/cash-receipts", key=_key("cash", step), json=self._body(step)
        )
        kind = _kind(response)
        if response.status_code == 200:
            told = json_object(response).get("cashReceipt")
            if not isinstance(told, dict):
                raise nonsense("issued without a cash receipt", order_id=step.order.order_id)
            return CashReceipt(
                step.wanted,
                "issued",
                receipt_key=_text(told.get("pgReceiptId")),
                issue_number=_text(told.get("issueNumber")),
            )
        if kind == ISSUED_BEFORE:
            return await self._found(step) or _unknown(response)
        _require_refusal(response, kind, step)
        return refused(step, 0, kind, _sentence(response))

    async def cancel(self, step: ReceiptStep) -> CashReceipt:
        found = await self._found(step)
        if found is None:
            return CashReceipt(0, "issued")
        if found.amount in {0, step.wanted}:
            return found
        response = await self._call(
            "POST",
            f"{_path(step)}/cancel",
            key=_key("cash-cancel", step),
            params={"storeId": self._store_id},
        )
        if response.status_code == 200:
            return CashReceipt(0, "issued")
        kind = _kind(response)
        if kind in NONE:
            return _unknown(response)
        _require_refusal(response, kind, step)
        return refused(step, found.amount, kind, _sentence(response))

    async def read(self, step: ReceiptStep) -> CashReceipt:
        found = await self._found(step)
        if found is None:
            return refused(step, 0, "not_found")
        if found.said == "issued" and found.amount == 0 and step.wanted:
            return CashReceipt(0, "cancelled", receipt_key=found.receipt_key)
        return found

    async def _found(self, step: ReceiptStep) -> CashReceipt | None:
        response = await self._call("GET", _path(step), params={"storeId": self._store_id})
        if response.status_code == 404 and _kind(response) in NONE:
            return None
        if response.status_code != 200:
            return _unknown(response)
        try:
            receipt = _Receipt.model_validate(json_object(response))
        except ValidationError as error:
            raise nonsense("a cash receipt does not parse") from error
        if receipt.status not in STATUSES:
            raise nonsense("unknown status of a cash receipt", order_id=step.order.order_id)
        if receipt.status == "ISSUE_FAILED":
            return refused(step, 0, receipt.status)
        return CashReceipt(
            receipt.amount if receipt.status == "ISSUED" else 0,
            "issued",
            by_gateway=not receipt.isManual,
            receipt_key=receipt.pgReceiptId,
            issue_number=receipt.issueNumber,
        )

    def _body(self, step: ReceiptStep) -> dict[str, Any]:
        """Over what the order holds by now: a receipt that is wanted for less is not to be issued
        for more because an answer was lost."""
        return {
            "storeId": self._store_id,
            "paymentId": step.order.order_id,
            "channelKey": self._channel(step.order.method),
            "type": "CORPORATE" if step.kind == "expenditure_proof" else "PERSONAL",
            "orderName": step.order.spoken_name,
            "currency": step.order.currency,
            "amount": {"total": step.wanted, "taxFree": step.tax_free_of_wanted},
            "productType": "DIGITAL",
            "customer": {
                "identityNumber": step.number,
                "identityNumberType": step.number_is.upper(),
            },
        }


def _path(step: ReceiptStep) -> str:
    return f"/payments/{quote(step.order.order_id, safe='')}/cash-receipt"


def _key(call: str, step: ReceiptStep) -> str:
    """Another for each question. The first answer is given again under it for three hours."""
    return f"{call}-{step.order.order_id}-{step.answers}-{step.wanted}"


def _require_refusal(response: httpx.Response, kind: str | None, step: ReceiptStep) -> None:
    """Raises for what is no answer to whether there is a receipt now. A payment company that has
    said no for most of a day, and shows none, means it."""
    means_no = kind == "PG_PROVIDER" and step.tries >= PATIENT_TRIES
    status = response.status_code
    if kind is None or kind.startswith("IDEMPOTENCY_") or status == 429:
        _unknown(response)
    if status >= 500 and not means_no:
        _unknown(response)


def _unknown(response: httpx.Response) -> CashReceipt:
    """Raises: what was answered tells nothing of a receipt."""
    log.warning("gateway_unclear", call="cash-receipt", status=response.status_code)
    raise GatewayUnavailable(code="gateway_refused")


def _kind(response: httpx.Response) -> str | None:
    return _text(json_object(response).get("type"))


def _sentence(response: httpx.Response) -> str | None:
    body = json_object(response)
    return _text(body.get("pgMessage")) or _text(body.get("message"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
