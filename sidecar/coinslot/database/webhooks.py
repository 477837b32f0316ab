"""The RPCs of the webhook inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.database.records import StoredWebhook, Webhook
from coinslot.database.rpc import Caller
from coinslot.text import storable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coinslot.gateways.base import WebhookEvent

_LONGEST_TYPE = 100


class WebhookDatabase(Caller):
    """What the server does with webhooks between hearing of them and applying what they led to."""

    async def store_webhook(
        self, gateway: str, event: WebhookEvent, *, busy: bool = False
    ) -> StoredWebhook:
        """Before anything is done about it; `busy` leaves it to the sweep. Every argument is sent:
        null has a meaning here."""
        arguments = {
            "gateway": gateway,
            "event_id": event.event_id,
            "event_type": storable(event.event_type)[:_LONGEST_TYPE],
            "order_id": event.order_id,
            "payment_key": event.payment_key,
            "claims_paid": event.claims_paid,
            "headers": dict(event.headers),
            "body": dict(event.body),
            "secret": event.secret,
            "busy": busy,
        }
        return StoredWebhook.model_validate(await self.call_with("store_webhook", arguments))

    async def finish_webhook(
        self, webhook_id: int, outcome: str, detail: str = "", *, again: bool = False
    ) -> None:
        """What came of a webhook where nothing was applied; `again`: the sweep tries later."""
        await self.call(
            "finish_webhook", webhook_id=webhook_id, outcome=outcome, detail=detail, again=again
        )

    async def claim_webhooks(self, batch: int) -> list[Webhook]:
        """Due work. It is ours for the length of the lease, then anybody's again."""
        rows = await self.call("claim_webhooks", batch=batch)
        return [Webhook.model_validate(row) for row in rows]

    async def return_webhooks(self, webhook_ids: Sequence[int]) -> None:
        """Of those that are leased to us: anybody's at once."""
        await self.call("return_webhooks", webhook_ids=list(webhook_ids))

    async def list_webhooks(
        self,
        gateway: str | None = None,
        outcome: str | None = None,
        order_id: str | None = None,
        page_size: int = 100,
        before: int | None = None,
    ) -> list[Webhook]:
        """Newest first; `before` is the last id of the page before."""
        rows = await self.call(
            "list_webhooks",
            gateway=gateway,
            outcome=outcome,
            order_id=order_id,
            page_size=page_size,
            before=before,
        )
        return [Webhook.model_validate(row) for row in rows]

    async def replay_webhooks(
        self, gateway: str | None = None, outcome: str | None = None, order_id: str | None = None
    ) -> int:
        """Makes matching webhooks due at once; how many."""
        return int(
            await self.call("replay_webhooks", gateway=gateway, outcome=outcome, order_id=order_id)
        )
