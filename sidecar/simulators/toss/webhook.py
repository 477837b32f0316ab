"""The webhooks of Toss: unsigned, in transmissions that are repeated for four days."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx

from simulators.toss.payment import kst
from simulators.webhooks import Sender, Webhook, WebhookSettings

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

# In units of `spacing_s`, which is a minute at Toss.
_WAITS = (1, 4, 16, 64, 256, 1024, 4096)
_PREFIX = "tosspayments-webhook-transmission"


class TossSender(Sender):
    """Repeats a webhook of the simulator's own until it is answered 200.

    One that the control API asks for is transmitted once.
    """

    def __init__(self, settings: WebhookSettings, now: Callable[[], int]) -> None:
        super().__init__(settings)
        self._client.timeout = httpx.Timeout(10)
        self._now = now

    def later(self, webhook: Webhook, delay_s: float = 0) -> None:
        task = asyncio.create_task(self._until_taken(webhook, delay_s))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def send(self, webhook: Webhook, delay_s: float = 0) -> dict[str, Any]:
        await asyncio.sleep(delay_s)
        return await self._transmit(webhook, f"whtrans_{secrets.token_hex(12)}", 0)

    async def _until_taken(self, webhook: Webhook, delay_s: float) -> dict[str, Any]:
        await asyncio.sleep(delay_s)
        transmission = f"whtrans_{secrets.token_hex(12)}"
        delivery = await self._transmit(webhook, transmission, 0)
        for retried, wait in enumerate(_WAITS[: self.settings.retries], start=1):
            if delivery["status"] == 200:
                break
            await asyncio.sleep(wait * self.settings.spacing_s)
            delivery = await self._transmit(webhook, transmission, retried)
        return delivery

    async def _transmit(self, webhook: Webhook, transmission: str, retried: int) -> dict[str, Any]:
        headers = {
            f"{_PREFIX}-id": transmission,
            f"{_PREFIX}-time": kst(self._now()),
            f"{_PREFIX}-retried-count": str(retried),
        }
        delivery = await self._deliver(replace(webhook, headers=headers))
        self.deliveries.append(delivery)
        return delivery


def status_changed(payment: Json, now: int, **changes: object) -> Webhook:
    body = {
        "eventType": "PAYMENT_STATUS_CHANGED",
        "createdAt": _created(now),
        "data": {**payment, **changes},
    }
    return Webhook(payment["paymentKey"], body, {})


def deposit_callback(payment: Json, now: int, **changes: object) -> Webhook:
    """The older webhook about virtual accounts: flat, with no event type and no payment key."""
    body = {
        "createdAt": _created(now),
        "secret": payment["secret"],
        "status": payment["status"],
        "transactionKey": payment["lastTransactionKey"],
        "orderId": payment["orderId"],
        **changes,
    }
    return Webhook(payment["paymentKey"], body, {})


def cancel_status_changed(payment: Json, cancel: Json, now: int) -> Webhook:
    data = {**cancel, "paymentKey": payment["paymentKey"]}
    body = {"eventType": "CANCEL_STATUS_CHANGED", "createdAt": _created(now), "data": data}
    return Webhook(payment["paymentKey"], body, {})


def _created(now: int) -> str:
    """The time as a webhook has it: Korean, and without its zone."""
    local = datetime.fromisoformat(kst(now)).replace(tzinfo=None)
    return local.replace(microsecond=datetime.now(UTC).microsecond).isoformat("T", "microseconds")
