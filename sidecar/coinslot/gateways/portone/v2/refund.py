"""Cancellations at PortOne V2, and what its answers to them mean.

Under an `Idempotency-Key` PortOne gives its first answer again for three hours, a refusal as well;
`currentCancellableAmount` guards a cancel that is repeated after that or under another key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import structlog

from coinslot.errors import GatewayUnavailable, RefundKeySpent
from coinslot.gateways.http import json_object, nonsense
from coinslot.gateways.portone.banks import named
from coinslot.gateways.portone.refund import bounded, declined

if TYPE_CHECKING:
    import httpx

    from coinslot.gateways.base import Refund

log = structlog.get_logger(__name__)

# What stands before PortOne may answer JSON with a `type`, too, but none of this form.
_TYPE = re.compile(r"[A-Z][A-Z0-9_]+")


def cancel_body(refund: Refund, store_id: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "storeId": store_id,
        "amount": refund.amount,
        "currentCancellableAmount": refund.refundable,
        "reason": bounded(refund.reason),
    }
    if refund.account is not None:
        body["refundAccount"] = {
            "bank": named(refund.account.bank),
            "number": refund.account.account_number,
            "holderName": refund.account.holder,
            **({"holderPhoneNumber": refund.account.phone} if refund.account.phone else {}),
        }
    return body


def check_taken_on(refund: Refund, response: httpx.Response) -> None:
    """Returns where PortOne canceled, or is about to.

    A typed 5xx is PortOne's own answer, so that the first execution is over and its key can only
    repeat this. Any other 5xx may come from what stands before a PortOne that is still at work.
    """
    status, body = response.status_code, json_object(response)
    if status == 200:
        _check_cancellation(refund, body)
        return
    kind = body.get("type")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind) or not 400 <= status < 600:
        raise _unclear(status, None)
    if kind == "PG_PROVIDER":
        message = body.get("pgMessage") or body.get("message")
        raise declined(refund, body.get("pgCode") or kind, message)
    if status == 429 or kind.startswith("IDEMPOTENCY_"):
        raise _unclear(status, kind)
    if status >= 500:
        log.error("gateway_failing", call="cancel", status=status, type=kind)
        raise RefundKeySpent
    raise declined(refund, kind, body.get("message"))


def _check_cancellation(refund: Refund, body: dict[str, Any]) -> None:
    """One that is merely requested is taken on."""
    cancellation = body.get("cancellation")
    status = cancellation.get("status") if isinstance(cancellation, dict) else None
    if not isinstance(status, str):
        raise nonsense("cancel answered without a cancellation", order_id=refund.order_id)
    if status == "FAILED":
        raise declined(refund, status, "")


def _unclear(status: int, kind: str | None) -> GatewayUnavailable:
    log.warning("gateway_unclear", call="cancel", status=status, type=kind)
    return GatewayUnavailable()
