"""Cash receipts at PortOne V1: issued over what a payment holds, deleted all at once.

There is no idempotency key: a receipt is read before anything is asked, and a second one refused as
long as there is one. Some payment companies cancel it with the payment, and some do not. A 500 is
no answer, a 501 a no for good. Facts: developers.portone.io, REST API V1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coinslot.errors import GatewayUnavailable
from coinslot.gateways.cash_receipts import PATIENT_TRIES, CashReceipt, refused
from coinslot.gateways.http import nonsense
from coinslot.text import Text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from coinslot.gateways.cash_receipts import ReceiptStep

log = structlog.get_logger(__name__)

_IDENTIFIERS = {"phone": "phone", "card": "taxcard", "business": "business"}
_NOT_SUPPORTED = 501


class _Receipt(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    imp_uid: str
    amount: int = Field(ge=0)
    apply_num: Text | None = None
    receipt_tid: Text | None = None
    cancelled_at: int = 0


class V1CashReceipts:
    """`call` asks PortOne, and answers its envelope with `http_status` beside it, whatever that
    is."""

    def __init__(self, call: Callable[..., Awaitable[dict[str, Any]]]) -> None:
        self._call = call

    async def issue(self, step: ReceiptStep) -> CashReceipt:
        found = await self._found(step)
        if found is not None and found.amount:
            return found
        if not step.wanted:
            return CashReceipt(0, "issued")
        envelope = await self._call("POST", _path(step), json=_body(step))
        if _succeeded(envelope):
            return _told(step, envelope)
        _require_refusal(envelope, step)
        # Issued already, or the payment holds nothing: the receipt tells.
        found = await self._found(step)
        return found if found and found.amount else refused(step, 0, *_why(envelope))

    async def cancel(self, step: ReceiptStep) -> CashReceipt:
        found = await self._found(step)
        if found is None:
            return CashReceipt(0, "issued")
        if found.amount in {0, step.wanted}:
            return found
        envelope = await self._call("DELETE", _path(step))
        if _succeeded(envelope):
            return CashReceipt(0, "issued")
        _require_refusal(envelope, step)
        return refused(step, found.amount, *_why(envelope))

    async def read(self, step: ReceiptStep) -> CashReceipt:
        found = await self._found(step)
        if found is None:
            return refused(step, 0, "not_found")
        if found.amount == 0 and step.wanted:
            return CashReceipt(0, "cancelled", receipt_key=found.receipt_key)
        return found

    async def _found(self, step: ReceiptStep) -> CashReceipt | None:
        envelope = await self._call("GET", _path(step))
        code = envelope.get("code")
        if envelope["http_status"] == 404 and isinstance(code, int) and code != 0:
            return None
        if not _succeeded(envelope):
            raise _unknown(envelope)
        return _told(step, envelope)


def _body(step: ReceiptStep) -> dict[str, Any]:
    """Without an amount: it is what the payment holds."""
    return {
        "identifier": step.number,
        "identifier_type": _IDENTIFIERS[step.number_is],
        "type": "company" if step.kind == "expenditure_proof" else "person",
        "product_type": "digital",
        **({"tax_free": tax_free} if (tax_free := step.tax_free_of_wanted) else {}),
    }


def _told(step: ReceiptStep, envelope: Mapping[str, Any]) -> CashReceipt:
    try:
        receipt = _Receipt.model_validate(envelope.get("response"))
    except ValidationError as error:
        raise nonsense("a cash receipt does not parse") from error
    if receipt.imp_uid != step.payment_key:
        raise nonsense("answered with another receipt", payment_key=step.payment_key)
    return CashReceipt(
        0 if receipt.cancelled_at else receipt.amount,
        "issued",
        receipt_key=receipt.receipt_tid,
        issue_number=receipt.apply_num,
    )


def _path(step: ReceiptStep) -> str:
    return f"/receipts/{quote(step.payment_key, safe='')}"


def _succeeded(envelope: Mapping[str, Any]) -> bool:
    return bool(envelope["http_status"] == 200 and envelope.get("code") == 0)


def _require_refusal(envelope: Mapping[str, Any], step: ReceiptStep) -> None:
    """Raises for what is no answer to whether there is a receipt now. A payment company that has
    failed for most of a day, and shows none, will not issue it."""
    status, code = envelope["http_status"], envelope.get("code")
    means_no = status == _NOT_SUPPORTED or step.tries >= PATIENT_TRIES
    own = isinstance(code, int) and code != 0
    if not own or status in {401, 429} or (status >= 500 and not means_no):
        raise _unknown(envelope)


def _why(envelope: Mapping[str, Any]) -> tuple[str, object]:
    unsupported = envelope["http_status"] == _NOT_SUPPORTED
    return "not_supported" if unsupported else "refused", envelope.get("message")


def _unknown(envelope: Mapping[str, Any]) -> GatewayUnavailable:
    log.warning(
        "gateway_unclear",
        call="receipts",
        status=envelope["http_status"],
        code=envelope.get("code"),
    )
    return GatewayUnavailable(code="gateway_refused")
