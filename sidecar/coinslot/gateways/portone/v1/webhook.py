"""PortOne V1's webhooks: JSON or a form, as the merchant chose. Nothing signs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coinslot.errors import InvalidRequest, UnsupportedContentType
from coinslot.gateways.base import WebhookEvent
from coinslot.gateways.portone import webhook as portone_webhook
from coinslot.gateways.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

_FORM = "application/x-www-form-urlencoded"


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
    if kind not in {"application/json", _FORM}:
        raise UnsupportedContentType("Send the webhook as JSON or as a form")
    return portone_webhook.fields(body, form=kind == _FORM)
