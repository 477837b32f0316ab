"""Cash receipts of deposits and transfers, brought at their gateways to the money of their orders.

The database writes what a gateway is to be asked before it is claimed here, and leases it. Whoever
dies in the middle leaves it as it is: it is claimed again, and the same is asked. What a gateway is
asked stands in its folder's `cash_receipts.py`; when, in the schema of that name.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog
from structlog.contextvars import bound_contextvars

from coinslot.errors import CoinslotError, GatewayTimeout
from coinslot.gateways.cash_receipts import CashReceipt, ReceiptStep
from coinslot.payments.open_orders import as_order
from coinslot.settings.fields import SECONDS_TO_REFUND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinslot.database import Database
    from coinslot.database.cash_receipts import ClaimedReceipt
    from coinslot.gateways.base import Gateway
    from coinslot.shutdown import Shutdown

log = structlog.get_logger(__name__)

_AT_ONCE = 5
# Without an answer, the gateway counts as down: the rest waits for its next try.
_DOWN_AFTER = 3


class CashReceipts:
    def __init__(
        self, database: Database, gateways: Mapping[str, Gateway], shutdown: Shutdown
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._shutdown = shutdown

    async def work_off(self) -> int:
        """Takes the next step of what is due at each gateway. Returns how many were taken."""
        return sum(await asyncio.gather(*map(self._at, self._gateways.values())))

    async def _at(self, gateway: Gateway) -> int:
        """All of a batch at once: its leases began together, and last for one call each."""
        taken = unanswered = 0
        while not self._shutdown.has_begun() and unanswered < _DOWN_AFTER:
            batch = await self._database.as_service().claim_cash_receipts(gateway.name, _AT_ONCE)
            if not batch:
                break
            done = await asyncio.gather(*(self._taken(gateway, each) for each in batch))
            taken, unanswered = taken + sum(done), unanswered + done.count(False)
        return taken

    async def _taken(self, gateway: Gateway, claimed: ClaimedReceipt) -> bool:
        """False where the gateway, or the database, gave no answer: it stays as it is."""
        with bound_contextvars(order_id=claimed.order.order_id, gateway=gateway.name):
            try:
                told = await self._told(gateway, claimed)
                status = await self._database.as_service().finish_cash_receipt(
                    claimed, told.arguments()
                )
            except CoinslotError as error:
                log.warning("cash_receipt_left", code=error.code)
                return False
            log.info("cash_receipt", status=status, said=told.said, code=told.failure_code)
            return True

    async def _told(self, gateway: Gateway, claimed: ClaimedReceipt) -> CashReceipt:
        """Raises where this server could not have taken the payment: its keys are of others."""
        issuer, payment_key = gateway.cash_receipts, claimed.order.payment_key
        if issuer is None or payment_key is None:
            return CashReceipt(claimed.amount, "failed", failure_code="not_supported")
        gateway.check_key(payment_key)
        step = _as_step(claimed, payment_key)
        try:
            # Less than the lease.
            async with asyncio.timeout(SECONDS_TO_REFUND):
                if step.asked is None:
                    return await issuer.read(step)
                if step.asked > step.amount:
                    return await issuer.issue(step)
                return await issuer.cancel(step)
        except TimeoutError as error:
            raise GatewayTimeout from error


def _as_step(claimed: ClaimedReceipt, payment_key: str) -> ReceiptStep:
    return ReceiptStep(
        order=replace(as_order(claimed.order), method=claimed.order.method),
        payment_key=payment_key,
        kind=claimed.kind,
        number=claimed.number or "",
        amount=claimed.amount,
        wanted=claimed.wanted,
        asked=claimed.asked,
        tax_free=claimed.tax_free,
        attempt=claimed.attempt,
        answers=claimed.answers,
        tries=claimed.tries,
        asked_on=tuple(claimed.asked_on),
        by_gateway=claimed.by_gateway,
        receipt_key=claimed.receipt_key,
    )
