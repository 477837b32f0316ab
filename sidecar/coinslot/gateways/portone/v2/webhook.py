"""PortOne V2's webhooks: Standard Webhooks, of which only the ids are ever used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import structlog
from standardwebhooks import Webhook, WebhookVerificationError

from coinslot.errors import InvalidRequest, InvalidSignature
from coinslot.gateways.base import WebhookEvent
from coinslot.gateways.portone import webhook as portone_webhook
from coinslot.gateways.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

log = structlog.get_logger(__name__)

_TRANSACTION_EVENTS = frozenset(
    f"Transaction.{name}"
    for name in (
        *("Ready", "Paid", "Failed", "PayPending", "VirtualAccountIssued", "Confirm"),
        *("PartialCancelled", "Cancelled", "CancelPending", "DisputeCreated", "DisputeResolved"),
    )
)
_KEPT_HEADERS = {"content-type", "user-agent", "webhook-id", "webhook-timestamp"}
_KEPT_FIELDS = {
    *("type", "timestamp", "data.storeId", "data.paymentId", "data.transactionId"),
    *("data.cancellationId", "payment_id", "tx_id", "status"),
}
_SIGNATURE = re.compile(r"v1,[A-Za-z0-9+/]{43}=")
_EVENT_ID = re.compile(r"[!-~]{1,128}")


def is_signed(headers: Mapping[str, str]) -> bool:
    """True where the headers claim a signature, which `verify` checks."""
    return any(name.lower().startswith("webhook-") for name in headers)


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> str:
    """The event's id, if any of the secrets signed exactly these bytes, at most five minutes from
    now. Raises `InvalidSignature`."""
    given = {name.lower(): value for name, value in headers.items()}
    # An entry the library cannot take apart must not hide a good one beside it.
    entries = _SIGNATURE.findall(given.get("webhook-signature", "")[:4096])
    given["webhook-signature"] = " ".join(entries)
    event_id = given.get("webhook-id", "")
    if not _EVENT_ID.fullmatch(event_id) or not any(
        _signed_by(secret, given, body) for secret in secrets
    ):
        raise InvalidSignature
    return event_id


def parse(event_id: str, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
    """A verified webhook; None if it is not about a payment, or of a type not known here."""
    given = {name.lower(): value for name, value in headers.items()}
    form = given.get("content-type", "").startswith("application/x-www-form-urlencoded")
    fields = portone_webhook.fields(body, form=form)
    if "type" in fields:
        kind, named = fields["type"], fields.get("data")
        names = ("paymentId", "transactionId")
    else:
        # The form of 2024-01-01, which a merchant can still choose.
        kind, named = f"Transaction.{fields.get('status')}", fields
        names = ("payment_id", "tx_id")
    if kind not in _TRANSACTION_EVENTS:
        log.info("webhook_type_ignored", gateway="portone", type=str(kind)[:80])
        return None
    order_id, payment_key = (_text(named, name) for name in names)
    if order_id is None:
        raise InvalidRequest("A PortOne webhook about a payment names it")
    return WebhookEvent(
        event_type=kind,
        order_id=order_id,
        payment_key=payment_key,
        claims_paid=kind == "Transaction.Paid",
        event_id=event_id,
        headers=redacted(given, keep=_KEPT_HEADERS),
        body=redacted(fields, keep=_KEPT_FIELDS),
    )


def _signed_by(secret: str, headers: dict[str, str], body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def _text(fields: object, name: str) -> str | None:
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, str) and value else None
