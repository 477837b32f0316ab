"""Cash receipts of both versions of PortOne: of each payment by the version that took it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coinslot.gateways.cash_receipts import CashReceipt, CashReceiptIssuer, ReceiptStep


@dataclass(frozen=True, slots=True)
class BothCashReceipts:
    v1: CashReceiptIssuer
    v2: CashReceiptIssuer

    async def issue(self, step: ReceiptStep) -> CashReceipt:
        return await self._of(step).issue(step)

    async def cancel(self, step: ReceiptStep) -> CashReceipt:
        return await self._of(step).cancel(step)

    async def read(self, step: ReceiptStep) -> CashReceipt:
        return await self._of(step).read(step)

    def _of(self, step: ReceiptStep) -> CashReceiptIssuer:
        return self.v1 if step.payment_key.startswith("imp_") else self.v2
