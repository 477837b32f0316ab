"""The claims of Toss's webhooks. None about payments is signed: each is only a reason to ask Toss.

- `PAYMENT_STATUS_CHANGED` carries the whole Payment, of which the ids and the status are used.
- `DEPOSIT_CALLBACK` is flat: neither an event type nor a payment key, but the payment's `secret`.
  The database compares it with the one that it knows: `coinslot.knows_secret()`.
- `CANCEL_STATUS_CHANGED` carries one cancel and the payment's key.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from coinslot.errors import InvalidRequest
from coinslot.gateways.base import WebhookEvent
from coinslot.gateways.redaction import redacted
from coinslot.text import storable

if TYPE_CHECKING:
    from collections.abc import Mapping

_PAID = {"DONE", "PARTIAL_CANCELED"}
_TRANSMISSION = "tosspayments-webhook-transmission"
_HEADERS = {f"{_TRANSMISSION}-{name}" for name in ("id", "time", "retried-count")}
_KEPT = {
    *("eventType", "createdAt", "status", "transactionKey", "orderId"),
    *(
        f"data.{name}"
        for name in (
            *("paymentKey", "orderId", "status", "method", "totalAmount", "balanceAmount"),
            *("currency", "lastTransactionKey", "requestedAt", "approvedAt", "failure.code"),
            *("cancels.transactionKey", "cancels.cancelAmount", "cancels.cancelStatus"),
            *("transactionKey", "cancelAmount", "cancelStatus", "canceledAt"),
        )
    ),
}


def parse(headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
    """None for events that are not about a payment. Raises `InvalidRequest`."""
    event = _object(body)
    kind = event.get("eventType")
    if kind is None and "secret" in event:
        return _event(headers, event, event, "DEPOSIT_CALLBACK")
    if not isinstance(kind, str):
        raise InvalidRequest("A Toss webhook has an eventType, or is a deposit callback")
    if kind not in {"PAYMENT_STATUS_CHANGED", "CANCEL_STATUS_CHANGED"}:
        return None
    data = event.get("data")
    if not isinstance(data, dict):
        raise InvalidRequest("A Toss webhook about a payment has data")
    return _event(headers, event, data, kind)


def _event(
    headers: Mapping[str, str], event: dict[str, Any], about: dict[str, Any], kind: str
) -> WebhookEvent:
    order_id, payment_key = _text(about, "orderId"), _text(about, "paymentKey")
    if order_id is None and payment_key is None:
        raise InvalidRequest("A Toss webhook about a payment names orderId or paymentKey")
    return WebhookEvent(
        event_type=kind,
        order_id=order_id,
        payment_key=payment_key,
        claims_paid=about.get("status") in _PAID if isinstance(about.get("status"), str) else False,
        headers=redacted(headers, _HEADERS),
        body=redacted(event, _KEPT),
        secret=storable(_text(event, "secret") or "") if kind == "DEPOSIT_CALLBACK" else None,
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not JSON", code="malformed_json") from error
    if not isinstance(event, dict):
        raise InvalidRequest("A Toss webhook is an object")
    return event


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        message = f"{name} is text in a Toss webhook"
        raise InvalidRequest(message)
    return value
