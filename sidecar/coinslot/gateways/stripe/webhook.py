"""Stripe's webhooks: signed, and each about an object that belongs to a PaymentIntent, or not.

What an endpoint may be sent beside that is nothing for us, which is no error, or Stripe would send
it again: events of connected accounts, whose payments our key cannot read, and thin events, which
bring no object.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import stripe
import structlog
from pydantic import BaseModel, ValidationError

from coinslot.errors import GatewayOff, InvalidRequest, InvalidSignature
from coinslot.gateways.base import WebhookEvent
from coinslot.gateways.redaction import redacted
from coinslot.order_ids import ORDER_ID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

log = structlog.get_logger(__name__)

TOLERANCE = 300
"""Seconds a webhook's clock may be behind ours, or ahead."""

_ABOUT_PAYMENTS = ("payment_intent.", "refund.", "charge.dispute.")
_ABOUT_REFUNDS = frozenset({"charge.refunded", "charge.refund.updated"})
_WARNING = "radar.early_fraud_warning.created"
_THIN = "v2.core.event"
_WITH_OUR_METADATA = frozenset({"payment_intent", "charge"})
_KEPT = {"id", "type", "api_version", "created", "livemode"} | {
    f"data.object.{field}"
    for field in (
        *("id", "object", "status", "amount", "amount_received", "amount_refunded", "currency"),
        *("metadata.order_id", "payment_intent", "charge", "latest_charge", "reason"),
        *("cancellation_reason", "failure_reason", "last_payment_error.code"),
        *("fraud_type", "actionable"),
        "last_payment_error.decline_code",
    )
}


class _Data(BaseModel):
    object: dict[str, Any]


class _Event(BaseModel):
    id: str
    type: str
    api_version: str | None = None
    account: str | None = None
    data: _Data


def parse(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> WebhookEvent | None:
    """See `Gateway.parse_webhook`. While a secret is being rolled, both are given."""
    if not secrets:
        raise GatewayOff("No Stripe webhook secret is set here", code="webhook_off")
    verified = _verified(headers.get("stripe-signature", ""), body, secrets)
    if verified.get("object") == _THIN:
        log.info("webhook_type_ignored", gateway="stripe", type=_THIN)
        return None
    try:
        event = _Event.model_validate(verified)
    except ValidationError as error:
        raise InvalidRequest("This is not a Stripe event") from error
    if event.account is not None:
        log.info("webhook_of_a_connected_account", gateway="stripe", event_id=event.id)
        return None
    if event.api_version != stripe.api_version:
        # The endpoint's version, not the library's, gives the body its shape. Only ids are used.
        log.warning("webhook_api_version", event_id=event.id, api_version=event.api_version)
    known = {*_ABOUT_REFUNDS, _WARNING}
    if not event.type.startswith(_ABOUT_PAYMENTS) and event.type not in known:
        return None
    return _understood(event, redacted(verified, _KEPT), headers)


def _understood(
    event: _Event, kept: dict[str, Any], headers: Mapping[str, str]
) -> WebhookEvent | None:
    about = event.data.object
    itself = event.type.startswith("payment_intent.")
    payment_key = _id(about.get("id") if itself else about.get("payment_intent"))
    if payment_key is None:
        return None
    return WebhookEvent(
        event_type=event.type,
        order_id=_order_id(about),
        payment_key=payment_key,
        claims_paid=event.type == "payment_intent.succeeded",
        event_id=event.id,
        warning=str(about.get("fraud_type") or "unnamed") if event.type == _WARNING else None,
        headers=redacted(headers, keep={"content-type", "user-agent"}),
        body=kept,
    )


def _order_id(about: Mapping[str, Any]) -> str | None:
    """The order, if it is ours for certain, else None: reading the payment then tells.

    A charge gets its PaymentIntent's metadata, while refunds and disputes have their own."""
    metadata = about.get("metadata")
    if about.get("object") not in _WITH_OUR_METADATA or not isinstance(metadata, dict):
        return None
    order_id = metadata.get("order_id")
    ours = isinstance(order_id, str) and ORDER_ID.fullmatch(order_id)
    return order_id if ours else None


def _id(value: object) -> str | None:
    """Of what is an id, or the object itself where the endpoint expands it."""
    found = value.get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) and found else None


def _verified(header: str, body: bytes, secrets: Sequence[str]) -> dict[str, Any]:
    """The event as it was signed. The library's own way of making one refuses thin events."""
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(body.decode(), header, secret, TOLERANCE)
        except (stripe.SignatureVerificationError, UnicodeDecodeError, TypeError):
            # The last two: a body that is not UTF-8, a signature that is not ASCII.
            continue
        _check_not_ahead(header)
        return _object(body)
    raise InvalidSignature("Stripe webhook signature verification failed")


def _object(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is signed and is not JSON") from error
    if not isinstance(event, dict):
        raise InvalidRequest("The body is signed and is not a Stripe event")
    return event


def _check_not_ahead(header: str) -> None:
    """The library refuses old timestamps only: one from the future could be played back later."""
    timestamp = next(part for part in header.split(",") if part.startswith("t=")).split("=")[1]
    if int(timestamp) > time.time() + TOLERANCE:
        raise InvalidSignature("Stripe webhook signature verification failed")
