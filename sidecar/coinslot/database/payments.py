"""The RPCs of the funnel: open an order, apply what a gateway said, refuse an attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coinslot.database.caller import Caller
from coinslot.database.records import Applied, OrderRecord
from coinslot.database.rpc_names import Rpc
from coinslot.metrics import PAYMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence


class PaymentDatabase(Caller):
    async def open_payment(self, order_id: str) -> OrderRecord:
        """The order with its version. Raises `order_not_found`."""
        return await self.record(OrderRecord, Rpc.OPEN_PAYMENT, order_id=order_id)

    async def apply_gateway_payment(
        self,
        order_id: str,
        gateway: str,
        source: str,
        version: int,
        fact: dict[str, Any],
        *,
        webhook_ids: Sequence[int] = (),
    ) -> Applied:
        """Applies one fresh read of a gateway. `fact` holds the parameters that the read gave.

        `webhook_ids` are the webhooks that led to the read. They are judged and finished in the
        same transaction.
        """
        applied = await self.record(
            Applied,
            Rpc.APPLY_GATEWAY_PAYMENT,
            order_id=order_id,
            gateway=gateway,
            source=source,
            version=version,
            webhook_ids=list(webhook_ids) or None,
            **fact,
        )
        status = applied.order.status if applied.order else "none"
        PAYMENTS.labels(gateway, applied.outcome, status).inc()
        return applied

    async def attempt_key(self, order_id: str) -> str | None:
        """The gateway's id of the latest attempt at an order."""
        found: str | None = await self.call(Rpc.GET_ATTEMPT_KEY, order_id=order_id)
        return found

    async def note_instrument(self, order_id: str, fingerprint: str) -> None:
        """Keeps a hash of what a gateway tells of the card that an order was paid with."""
        await self.call(Rpc.NOTE_INSTRUMENT, order_id=order_id, fingerprint=fingerprint)

    async def refuse_payment_attempt(
        self, order_id: str, payment_key: str, reason: str, source: str
    ) -> None:
        """Leaves an event at the order. Moves nothing."""
        await self.call(
            Rpc.REFUSE_PAYMENT_ATTEMPT,
            order_id=order_id,
            payment_key=payment_key,
            reason=reason,
            source=source,
        )
