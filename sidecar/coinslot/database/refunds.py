"""The RPCs of refunds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from coinslot.database.caller import Caller
from coinslot.database.records import OrderRecord, RefundJob, RefundRecord
from coinslot.database.rpc_names import Rpc

RefundAnswer = Literal["accepted", "declined", "spent", "unknown"]


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A refund as it is asked for.

    `amount` is in minor units, None = all that is left. `payment_key` names an attempt other than
    the credited one. `account` is where a deposit goes back to: bank, account_number, holder
    and perhaps phone.
    """

    reason: str
    idempotency_key: str
    amount: int | None = None
    force: bool = False
    payment_key: str | None = None
    account: dict[str, str] | None = field(default=None, repr=False)

    def arguments(self, order_id: str) -> dict[str, Any]:
        return {"order_id": order_id, **asdict(self)}


class RefundDatabase(Caller):
    async def request_refund_for(self, order_id: str, request: RefundRequest) -> RefundRecord:
        """Raises `not_refundable`, `tokens_already_spent`, `refund_in_progress`, …"""
        return await self.record(
            RefundRecord, Rpc.REQUEST_REFUND_FOR, **request.arguments(order_id)
        )

    async def accept_refund_for(
        self, order_id: str, account: dict[str, str] | None
    ) -> RefundRecord:
        """Asks for the refund that is proposed of an order. Raises `nothing_proposed`, …"""
        return await self.record(
            RefundRecord, Rpc.ACCEPT_REFUND_FOR, order_id=order_id, account=account
        )

    async def claim_refunds(self, batch: int, refund_id: str | None = None) -> list[RefundJob]:
        """Takes refunds that are due, leased to us; only the named one, if any."""
        rows = await self.call(Rpc.CLAIM_REFUNDS, batch=batch, refund_id=refund_id)
        return [RefundJob.model_validate(row) for row in rows]

    async def record_refund_answer(
        self,
        job: RefundJob,
        answer: RefundAnswer,
        code: str | None = None,
        message: str | None = None,
    ) -> OrderRecord:
        """Records the gateway's answer. Returns the order, whose payment is to be read now."""
        return await self.record(
            OrderRecord,
            Rpc.RECORD_REFUND_ANSWER,
            refund_id=job.id,
            tries=job.tries,
            answer=answer,
            failure_code=code,
            failure_message=message,
        )

    async def close_refund(self, refund_id: str, reason: str) -> RefundRecord | None:
        """Gives up a refund that no read can decide. None where there is no such refund."""
        row = await self.call(Rpc.CLOSE_REFUND, refund_id=refund_id, reason=reason)
        return RefundRecord.model_validate(row) if row and row.get("id") else None

    async def refund(self, refund_id: str) -> RefundRecord:
        return await self.record(RefundRecord, Rpc.GET_REFUND, refund_id=refund_id)
