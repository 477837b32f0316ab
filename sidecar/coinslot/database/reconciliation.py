"""The RPCs of the reconciler and of the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coinslot.database.audit_records import (
    AuditEnd,
    AuditLine,
    AuditWindow,
    OpenLine,
    UnlistedPayment,
)
from coinslot.database.caller import Caller
from coinslot.database.records import Closing, Maintenance, OrderToRead
from coinslot.database.rpc_names import Rpc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class ReconciliationDatabase(Caller):
    async def run_maintenance(self, batch: int = 500) -> Maintenance:
        return await self.record(Maintenance, Rpc.RUN_MAINTENANCE, batch=batch)

    async def claim_payments(self, gateway: str, batch: int) -> list[OrderToRead]:
        """Takes orders that are due to be read. Each is given to one caller, and its next read is
        planned already."""
        rows = await self.call(Rpc.CLAIM_PAYMENTS, gateway=gateway, batch=batch)
        return [OrderToRead.model_validate(row) for row in rows]

    async def return_payments(self, order_ids: Sequence[str]) -> None:
        """Gives back orders whose gateway could not be asked. They are due again soon."""
        await self.call(Rpc.RETURN_PAYMENTS, order_ids=list(order_ids))

    async def claim_closings(self, gateway: str, batch: int) -> list[Closing]:
        """Takes orders that are over and to be closed at their gateway, leased to us."""
        rows = await self.call(Rpc.CLAIM_CLOSINGS, gateway=gateway, batch=batch)
        return [Closing.model_validate(row) for row in rows]

    async def finish_closing(self, closing: Closing) -> None:
        """Ends it, unless there is more to close than when it was claimed."""
        order_id = closing.order.order_id
        await self.call(Rpc.FINISH_CLOSING, order_id=order_id, round=closing.round)

    async def due_audits(self, gateway: str) -> list[AuditWindow]:
        """The days to audit, oldest first."""
        rows = await self.call(Rpc.DUE_AUDITS, gateway=gateway)
        return [AuditWindow.model_validate(row) for row in rows]

    async def begin_audit(
        self, gateway: str, since: datetime, until: datetime, *, again: bool = False
    ) -> int | None:
        """Begins an audit and returns its id. None where it is done already, or under way."""
        found = await self.call(
            Rpc.BEGIN_AUDIT,
            gateway=gateway,
            since=since.isoformat(),
            until=until.isoformat(),
            again=again,
        )
        return None if found is None else int(found)

    async def audit_payments(self, audit_id: int, lines: Sequence[dict[str, Any]]) -> None:
        """Judges the gateway's lines beside ours, and keeps them."""
        await self.call(Rpc.AUDIT_PAYMENTS, audit_id=audit_id, lines=list(lines))

    async def audit_open(self, audit_id: int, after: str | None) -> list[OpenLine]:
        """By payment key; `after` is the last key of the page before, here and below."""
        rows = await self.call(Rpc.AUDIT_OPEN, audit_id=audit_id, after=after)
        return [OpenLine.model_validate(row) for row in rows]

    async def audit_unlisted(self, audit_id: int, after: str | None) -> list[UnlistedPayment]:
        rows = await self.call(Rpc.AUDIT_UNLISTED, audit_id=audit_id, after=after)
        return [UnlistedPayment.model_validate(row) for row in rows]

    async def finish_audit(
        self,
        audit_id: int,
        odd: int = 0,
        odd_rows: Sequence[dict[str, str]] = (),
        odd_mark: str | None = None,
        *,
        accept: bool = False,
    ) -> AuditEnd:
        return await self.record(
            AuditEnd,
            Rpc.FINISH_AUDIT,
            audit_id=audit_id,
            odd=odd,
            odd_rows=list(odd_rows),
            odd_mark=odd_mark,
            accept=accept,
        )

    async def audit_report(
        self, audit_id: int, after: str | None, page_size: int = 500
    ) -> list[AuditLine]:
        rows = await self.call(
            Rpc.AUDIT_REPORT, audit_id=audit_id, after=after, page_size=page_size
        )
        return [AuditLine.model_validate(row) for row in rows]
