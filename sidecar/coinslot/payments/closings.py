"""Closings: orders that are over, closed at their gateways.

Whoever ended an order has waited for none of this. The database lists what is due and leases it.
Each payment of the order is read before and after it is closed, so that one which was paid
meanwhile is settled as money, and none is believed to be closed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from structlog.contextvars import bound_contextvars

from coinslot.errors import CoinslotError, PaymentRefused
from coinslot.payments.open_orders import as_order
from coinslot.payments.settlements import fact_about

if TYPE_CHECKING:
    from coinslot.database import Database
    from coinslot.database.records import Closing, OrderRecord
    from coinslot.gateways.base import Gateway, GatewayPayment
    from coinslot.payments.settlements import Settlements
    from coinslot.shutdown import Shutdown

log = structlog.get_logger(__name__)

_AT_ONCE = 5
# Without an answer, the gateway counts as down: the rest waits for its next try.
_DOWN_AFTER = 3
ENDED = frozenset({"canceled", "expired", "voided"})


class Closings:
    def __init__(self, database: Database, settlements: Settlements, shutdown: Shutdown) -> None:
        self._database = database
        self._settlements = settlements
        self._shutdown = shutdown

    async def work_off(self, gateway: Gateway) -> tuple[int, int]:
        """Closes what is due at a gateway. Returns how many orders, and how many gave no answer.

        All of a batch at once: its leases began together."""
        closed = unanswered = 0
        while not self._shutdown.has_begun() and unanswered < _DOWN_AFTER:
            batch = await self._database.as_service().claim_closings(gateway.name, _AT_ONCE)
            if not batch:
                break
            done = await asyncio.gather(*(self._closed(gateway, each) for each in batch))
            closed, unanswered = closed + sum(done), unanswered + done.count(False)
        return closed, unanswered

    async def _closed(self, gateway: Gateway, closing: Closing) -> bool:
        """False where the gateway, or the database, gave no answer: it stays on the list."""
        order = closing.order
        with bound_contextvars(order_id=order.order_id, gateway=gateway.name):
            try:
                await self._close(gateway, order, closing.attempt_keys)
                await self._database.as_service().finish_closing(closing)
            except CoinslotError as error:
                log.warning("order_not_closed", code=error.code)
                return False
            log.info("order_closed")
            return True

    async def _close(self, gateway: Gateway, order: OrderRecord, keys: list[str]) -> None:
        """Closes the payment that the gateway shows for the order, be it one that nobody told us
        of, and then each other."""
        seen: set[str] = set()
        for key in (None, *keys):
            if key not in seen:
                seen |= await self._close_payment(gateway, order, key)

    async def _close_payment(
        self, gateway: Gateway, order: OrderRecord, key: str | None
    ) -> set[str]:
        """The keys of the payments that were looked at."""
        looked_at = {key} if key is not None else set()
        try:
            fact = await fact_about(order, gateway, key)
        except PaymentRefused as refusal:
            # Unknown there, or of another order: not ours to close.
            log.debug("nothing_to_close", code=refusal.code)
            if key is None:
                await gateway.close_order(as_order(order), None)
            return looked_at
        now = await self._applied(gateway, order, fact)
        if now.status in ENDED and not fact.paid and fact.state != "canceled":
            await gateway.close_order(as_order(order), fact)
            await self._settlements.settle(gateway, order.order_id, fact.payment_key, "closing")
        return looked_at | {fact.payment_key}

    async def _applied(
        self, gateway: Gateway, order: OrderRecord, fact: GatewayPayment
    ) -> OrderRecord:
        settled = await self._settlements.apply(order, fact, "closing")
        if settled.outcome == "stale":
            key = fact.payment_key
            settled = await self._settlements.settle(gateway, order.order_id, key, "closing")
        return settled.order
