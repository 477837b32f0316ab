"""Stripe's events, and their webhooks: signed over the raw bytes by every secret in force."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import httpx
import stripe
from pydantic import BaseModel, Field

from simulators.stripe.ids import new_id
from simulators.webhooks import Sender, Webhook, WebhookSettings

Json = dict[str, Any]

ENABLED = [
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.canceled",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refund.updated",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
]


class EndpointSettings(WebhookSettings):
    secrets: list[str]
    """Two while one is being rolled."""
    events: list[str] = ENABLED
    api_version: str = stripe.api_version
    """The endpoint's own, in which its events are."""


class Tampering(BaseModel):
    """The faults of a delivery."""

    secret: str | None = None
    """The secret that signs it instead."""
    age_s: int = 0
    """The seconds since it was signed; below zero, until it will be."""
    truncate: int = Field(default=0, ge=0)
    """The bytes that are cut off after signing."""
    fields: dict[str, Any] = {}
    """The fields of the event that are changed after signing."""


@dataclass(frozen=True)
class SignedWebhook(Webhook):
    tampering: Tampering


class SigningSender(Sender):
    settings: EndpointSettings

    async def _deliver(self, webhook: Webhook) -> dict[str, Any]:
        tampering = webhook.tampering if isinstance(webhook, SignedWebhook) else Tampering()
        body = json.dumps(webhook.body)
        signature = self._signature(body, tampering)
        if tampering.fields:
            body = json.dumps({**webhook.body, **tampering.fields})
        sent = body.encode()[: len(body.encode()) - tampering.truncate]
        headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature}
        delivery = {"payment_key": webhook.payment_key, "body": webhook.body, "error": None}
        try:
            answer = await self._client.post(self.settings.url, content=sent, headers=headers)
        except httpx.HTTPError as error:
            return {**delivery, "status": None, "error": repr(error)}
        return {**delivery, "status": answer.status_code, "answer": answer.text}

    def _signature(self, body: str, tampering: Tampering) -> str:
        """A fresh signature for each delivery, with one `v1` for each secret."""
        at = int(time.time()) - tampering.age_s
        secrets = [tampering.secret] if tampering.secret else self.settings.secrets
        headers = [
            stripe.WebhookSignature.generate_signature_header(body, secret, at)
            for secret in secrets
        ]
        return ",".join([f"t={at}", *(header.partition(",")[2] for header in headers), "v0=0"])


def new_event(kind: str, about: Json, previous: Json | None, *, api_version: str, now: int) -> Json:
    data: Json = {"object": about}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": new_id("evt"),
        "object": "event",
        "api_version": api_version,
        "created": now,
        "data": data,
        "livemode": about.get("livemode", False),
        "pending_webhooks": 1,
        "request": {"id": new_id("req"), "idempotency_key": None},
        "type": kind,
    }


def about(event: Json) -> str:
    """The id of the PaymentIntent that an event is about."""
    subject = event["data"]["object"]
    key = subject["id"] if subject["object"] == "payment_intent" else subject["payment_intent"]
    return str(key)
