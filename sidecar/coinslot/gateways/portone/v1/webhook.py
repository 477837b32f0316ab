"""PortOne V1's webhooks: JSON or a form, as the merchant chose. Nothing signs them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from coinslot.errors import InvalidRequest, UnsupportedContentType
from coinslot.gateways.base import WebhookEvent, redacted

if TYPE_CHECKING:
    from collections.abc import Mapping


def parse(headers: Mapping[str, str], body: bytes) -> WebhookEvent:
    """Raises `InvalidRequest`, and `UnsupportedContentType` for what is neither JSON nor a form."""
    fields = _fields(headers.get("content-type", ""), body)
    order_id, payment_key = fields.get("merchant_uid"), fields.get("imp_uid")
    if not isinstance(order_id, str) or not isinstance(payment_key, str):
        raise InvalidRequest("A PortOne webhook names imp_uid and merchant_uid")
    kept = redacted(fields, keep={"imp_uid", "merchant_uid", "status", "cancellation_id"})
    status = kept.get("status")
    return WebhookEvent(
        event_type=status if isinstance(status, str) else "",
        order_id=order_id,
        payment_key=payment_key,
        claims_paid=status == "paid",
        headers=redacted(headers, keep={"content-type", "user-agent"}),
        body=kept,
    )


def _fields(content_type: str, body: bytes) -> dict[str, Any]:
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if kind == "application/json":
            fields = json.loads(body)
        elif kind == "application/x-www-form-urlencoded":
            fields = dict(parse_qsl(body.decode(), max_num_fields=50))
        else:
            raise UnsupportedContentType("Send the webhook as JSON or as a form")
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body does not parse") from error
    if not isinstance(fields, dict):
        raise InvalidRequest("A PortOne webhook is an object")
    return fields
