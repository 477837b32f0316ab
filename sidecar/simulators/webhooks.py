"""Delivery of webhooks to the sidecar, and a record of how each was answered."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from pydantic import BaseModel, Field


class WebhookSettings(BaseModel):
    """`PUT /_sim/settings` changes them. The default is one try, the shortest rule there is."""

    url: str
    format: Literal["json", "form"] = "json"
    enabled: bool = True
    retries: int = Field(default=0, ge=0, le=10)
    spacing_s: float = Field(default=60, ge=0)
    buyer_fields: list[Literal["name", "phone", "email"]] = []
    """The details that the payment window wants of every buyer, as some companies do."""


@dataclass(frozen=True)
class Webhook:
    payment_key: str
    body: dict[str, Any]
    headers: dict[str, str]


class Sender:
    def __init__(self, settings: WebhookSettings) -> None:
        self.settings = settings
        self.deliveries: deque[dict[str, Any]] = deque(maxlen=1000)
        # Receivers are on this machine and speak http. Loading the certificates of all authorities
        # would be half the time that a simulator takes to start.
        no_authority = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client = httpx.AsyncClient(timeout=30, trust_env=False, verify=no_authority)
        self._under_way: set[asyncio.Task[dict[str, Any]]] = set()

    def announce(self, webhook: Webhook) -> None:
        """Sends it later, unless webhooks are turned off."""
        if self.settings.enabled:
            self.later(webhook)

    def later(self, webhook: Webhook, delay_s: float = 0) -> None:
        """Sends it beside the answer that is on its way, in no particular order to it."""
        task = asyncio.create_task(self.send(webhook, delay_s))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def send(self, webhook: Webhook, delay_s: float = 0) -> dict[str, Any]:
        """Sends it until it is taken. Returns the last try: the `status` answered or an `error`."""
        await asyncio.sleep(delay_s)
        for retry in range(1 + self.settings.retries):
            await asyncio.sleep(self.settings.spacing_s if retry else 0)
            delivery = await self._deliver(webhook)
            self.deliveries.append(delivery)
            if (delivery["status"] or 500) < 500:
                break
        return delivery

    async def _deliver(self, webhook: Webhook) -> dict[str, Any]:
        form = self.settings.format == "form"
        delivery = {"payment_key": webhook.payment_key, "body": webhook.body, "error": None}
        try:
            response = await self._client.post(
                self.settings.url,
                headers=webhook.headers,
                data=webhook.body if form else None,
                json=None if form else webhook.body,
            )
        except httpx.HTTPError as error:
            return {**delivery, "status": None, "error": repr(error)}
        return {**delivery, "status": response.status_code}

    async def close(self) -> None:
        for task in self._under_way:
            task.cancel()
        await self._client.aclose()
