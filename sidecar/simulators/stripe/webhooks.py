"""Stripe's events on their way: signed over the raw bytes, by every secret that is in force."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import httpx
import stripe
from pydantic import BaseModel, Field

from simulators.webhooks import Sender, Webhook, WebhookSettings

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
    """`secrets`: two while one is being rolled. `api_version`: of the endpoint, as its events."""

    secrets: list[str]
    events: list[str] = ENABLED
    api_version: str = stripe.api_version


class Tampering(BaseModel):
    """What may be wrong with a delivery."""

    secret: str | None = None
    """Signed with this one instead."""
    age_s: int = 0
    """How long ago it was signed; below zero, in how long."""
    truncate: int = Field(default=0, ge=0)
    """Bytes cut off after signing."""
    fields: dict[str, Any] = {}
    """Fields of the event changed after signing."""


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
        """A fresh one for each delivery, with one `v1` per secret."""
        at = int(time.time()) - tampering.age_s
        secrets = [tampering.secret] if tampering.secret else self.settings.secrets
        headers = [
            stripe.WebhookSignature.generate_signature_header(body, secret, at)
            for secret in secrets
        ]
        return ",".join([f"t={at}", *(header.partition(",")[2] for header in headers), "v0=0"])
