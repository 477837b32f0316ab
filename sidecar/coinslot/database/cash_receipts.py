"""The RPCs of cash receipts."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import Field

from coinslot.database.caller import Caller
from coinslot.database.records import OrderRecord, Record
from coinslot.database.rpc_names import Rpc

ReceiptStatus = Literal["requested", "in_progress", "issued", "failed", "cancelled"]


class ClaimedReceipt(Record):
    """A cash receipt to be brought from its amount to what is asked for, leased to us; to be read
    where nothing is."""

    order: OrderRecord = Field(alias="payment")
    kind: Literal["income_deduction", "expenditure_proof", "self_issued"]
    # None once it was purged: then only a cancel can be asked for.
    number: str | None = Field(repr=False)
    amount: int
    wanted: int
    asked: int | None
    tax_free: int
    attempt: int
    answers: int
    tries: int
    asked_on: list[date]
    by_gateway: bool
    receipt_key: str | None
    lease: int


class CashReceiptDatabase(Caller):
    async def claim_cash_receipts(self, gateway: str, batch: int) -> list[ClaimedReceipt]:
        rows = await self.call(Rpc.CLAIM_CASH_RECEIPTS, gateway=gateway, batch=batch)
        return [ClaimedReceipt.model_validate(row) for row in rows]

    async def finish_cash_receipt(self, claimed: ClaimedReceipt, told: dict[str, Any]) -> str:
        """Writes what the gateway has told. The receipt's status."""
        status: str = await self.call(
            Rpc.FINISH_CASH_RECEIPT,
            order_id=claimed.order.order_id,
            lease=claimed.lease,
            **told,
        )
        return status
