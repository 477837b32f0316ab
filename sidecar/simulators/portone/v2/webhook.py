"""The webhooks of PortOne V2: Standard Webhooks, retried at growing distances."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

import httpx
from pydantic import Field
from standardwebhooks import Webhook as Signer

from simulators.webhooks import Sender, Webhook, WebhookSettings

# A forger has none of PortOne's secrets, and signs with one of his own.
_FORGERS_SECRET = "whsec_Zm9yZ2VyZm9yZ2VyZm9yZ2VyZm9yZ2Vy"  # noqa: S105
_MINUTES = (0, 1, 4, 16, 64, 256)

Signature = Literal["valid", "none", "wrong", "old", "new"]


class V2Settings(WebhookSettings):
    """The settings of webhooks, and of the cancellations that they tell of."""

    retries: int = Field(default=5, ge=0, le=5)
    secrets: list[str] = Field(default=[], max_length=2)
    """They sign side by side, as while one replaces the other."""
    minute_s: float = Field(default=60, ge=0)
    """The seconds that one minute of the retry schedule takes."""
    version: Literal["2024-04-25", "2024-01-01"] = "2024-04-25"
    """The shape of the body."""
    processing_s: float = Field(default=0, ge=0, le=60)
    """The seconds for which a cancellation is under way."""
    cancels: Literal["succeeded", "requested", "failed", "pg_error", "server_error"] = "succeeded"
    """The end of the next cancellations."""


@dataclass(frozen=True)
class V2Webhook(Webhook):
    event_id: str = ""
    signature: Signature = "valid"
    previous: V2Webhook | None = None
    """The event that happened just before. It is sent first."""


class SignedSender(Sender):
    settings: V2Settings

    async def send(self, webhook: Webhook, delay_s: float = 0) -> dict[str, Any]:
        await asyncio.sleep(delay_s)
        if isinstance(webhook, V2Webhook) and webhook.previous:
            await self.once(webhook.previous)
        for minutes in _MINUTES[: 1 + self.settings.retries]:
            await asyncio.sleep(minutes * self.settings.minute_s)
            delivery = await self.once(webhook)
            if 200 <= (delivery["status"] or 500) < 300:
                break
        return delivery

    async def once(self, webhook: Webhook) -> dict[str, Any]:
        """Sends it once, whatever the answer."""
        delivery = await self._deliver(webhook)
        self.deliveries.append(delivery)
        return delivery

    async def _deliver(self, webhook: Webhook) -> dict[str, Any]:
        """Sends it, signed anew at every try: the id stays, the time is of now."""
        assert isinstance(webhook, V2Webhook)  # noqa: S101 - this simulator makes no other
        content, kind = self._encoded(webhook.body)
        headers = {"content-type": kind, **self._signed(webhook, content)}
        delivery = {"payment_key": webhook.payment_key, "body": webhook.body, "error": None}
        try:
            response = await self._client.post(self.settings.url, headers=headers, content=content)
        except httpx.HTTPError as error:
            return {**delivery, "status": None, "error": repr(error)}
        return {**delivery, "status": response.status_code}

    def _encoded(self, body: dict[str, Any]) -> tuple[str, str]:
        if self.settings.version == "2024-04-25":
            return json.dumps(body), "application/json"
        data = body["data"]
        legacy = {
            "payment_id": data.get("paymentId"),
            "tx_id": data.get("transactionId"),
            "status": body["type"].partition(".")[2],
        }
        if self.settings.format == "form":
            return urlencode(legacy), "application/x-www-form-urlencoded"
        return json.dumps(legacy), "application/json"

    def _signed(self, webhook: V2Webhook, content: str) -> dict[str, str]:
        if webhook.signature == "none":
            return {}
        shift = {"old": -301, "new": 330}.get(webhook.signature, 0)
        when = datetime.now(UTC) + timedelta(seconds=shift)
        wrong = webhook.signature == "wrong"
        signers = [_FORGERS_SECRET] if wrong else self.settings.secrets
        signatures = [Signer(s).sign(webhook.event_id, when, content) for s in signers]
        return {
            "webhook-id": webhook.event_id,
            "webhook-timestamp": str(int(when.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
