"""Stored methods at PortOne where both versions have their keys: V2 takes new ones, each charges
its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinslot.gateways.base import GatewayPayment
    from coinslot.gateways.billing import Billing, Charge, Declined, Registration, StoredMethod


@dataclass(frozen=True, slots=True)
class BothBilling:
    v1: Billing
    v2: Billing

    async def register(self, registration: Registration) -> Mapping[str, Any]:
        return await self.v2.register(registration)

    async def registered(
        self, registration: Registration, carried: Mapping[str, str]
    ) -> StoredMethod:
        return await self.v2.registered(registration, carried)

    async def open(self, charge: Charge) -> GatewayPayment | None:
        return await self._of(charge.secret).open(charge)

    async def charge(self, charge: Charge) -> Declined | None:
        return await self._of(charge.secret).charge(charge)

    async def forget(self, customer: str, secret: Mapping[str, str]) -> None:
        await self._of(secret).forget(customer, secret)

    def _of(self, secret: Mapping[str, str]) -> Billing:
        return self.v1 if secret.get("version") == "v1" else self.v2
