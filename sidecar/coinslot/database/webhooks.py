"""The RPCs of the webhook inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coinslot.database.caller import Caller
from coinslot.database.records import StoredWebhook, Webhook, WebhookVerdict
from coinslot.database.rpc_names import Rpc

if TYPE_CHECKING:
    from collections.abc import Sequence


class WebhookDatabase(Caller):
    """The life of a webhook between its receipt and the read that it leads to."""

    async def store_webhook(
        self, gateway: str, event: dict[str, Any], *, busy: bool = False
    ) -> StoredWebhook:
        """Stores a webhook before anything is done about it.

        `event` is what the webhook claims, as `WebhookEvent.arguments()` has it; null has a meaning
        there, so every field is sent. `busy` leaves the webhook to the sweep.
        """
        arguments = {"gateway": gateway, **event, "busy": busy}
        return StoredWebhook.model_validate(await self.call_with(Rpc.STORE_WEBHOOK, arguments))

    async def finish_webhook(
        self, webhook_id: int, outcome: str, detail: str = "", *, again: bool = False
    ) -> WebhookVerdict | None:
        """Ends a webhook for which nothing was applied; `again`: the sweep tries later.

        None where it had ended before, or is unknown.
        """
        row = await self.call(
            Rpc.FINISH_WEBHOOK, webhook_id=webhook_id, outcome=outcome, detail=detail, again=again
        )
        known = row and row.get("webhook_id") is not None
        return WebhookVerdict.model_validate(row) if known else None

    async def claim_webhooks(self, batch: int) -> list[Webhook]:
        """Takes webhooks that are due. They are ours for the length of the lease."""
        rows = await self.call(Rpc.CLAIM_WEBHOOKS, batch=batch)
        return [Webhook.model_validate(row) for row in rows]

    async def return_webhooks(self, webhook_ids: Sequence[int]) -> None:
        """Gives webhooks that are leased to us back before the lease is over."""
        await self.call(Rpc.RETURN_WEBHOOKS, webhook_ids=list(webhook_ids))

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
            Rpc.LIST_WEBHOOKS,
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
        """Makes matching webhooks due at once. Returns how many."""
        return int(
            await self.call(
                Rpc.REPLAY_WEBHOOKS, gateway=gateway, outcome=outcome, order_id=order_id
            )
        )
