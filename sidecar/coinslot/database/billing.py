"""The RPCs of plans, stored methods and the charges of subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coinslot.database.billing_records import (
    ClaimedCharge,
    ClaimedMethod,
    MethodRecord,
    Plan,
    Proposal,
    SealedMethod,
)
from coinslot.database.caller import Caller
from coinslot.database.rpc_names import Rpc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class BillingDatabase(Caller):
    async def finish_method(
        self,
        method_id: str,
        *,
        sealed: str,
        key_hash: str,
        brand: str | None,
        last_four: str | None,
        fingerprint: str | None,
    ) -> MethodRecord:
        """Keeps what a gateway gave; the same again where it was kept before."""
        return await self.record(
            MethodRecord,
            Rpc.FINISH_METHOD,
            method_id=method_id,
            sealed=sealed,
            key_hash=key_hash,
            brand=brand,
            last_four=last_four,
            fingerprint=fingerprint,
        )

    async def earlier_method(self, method_id: str) -> SealedMethod | None:
        """The method that the owner of this one stored last at the same gateway."""
        found = await self.call(Rpc.EARLIER_METHOD, method_id=method_id)
        return SealedMethod.model_validate(found) if found else None

    async def claim_forgets(self, gateways: Iterable[str], batch: int) -> list[ClaimedMethod]:
        rows = await self.call(Rpc.CLAIM_FORGETS, gateways=sorted(gateways), batch=batch)
        return [ClaimedMethod.model_validate(row) for row in rows]

    async def finish_forget(self, method_id: str) -> None:
        await self.call(Rpc.FINISH_FORGET, method_id=method_id)

    async def claim_charges(
        self, gateways: Iterable[str], batch: int, subscription_id: str | None = None
    ) -> list[ClaimedCharge]:
        """Charges to make or to look up, leased; of one subscription where it is named."""
        rows = await self.call(
            Rpc.CLAIM_CHARGES,
            gateways=sorted(gateways),
            batch=batch,
            subscription_id=subscription_id,
        )
        return [ClaimedCharge.model_validate(row) for row in rows]

    async def claim_top_ups(self, gateways: Iterable[str], batch: int) -> list[ClaimedCharge]:
        """Charges of top-ups, as `claim_charges`."""
        rows = await self.call(Rpc.CLAIM_TOP_UPS, gateways=sorted(gateways), batch=batch)
        return [ClaimedCharge.model_validate(row) for row in rows]

    async def finish_charge(
        self, charge: ClaimedCharge, outcome: str, reason: str | None, *, dead: bool = False
    ) -> bool:
        """False where somebody else has finished it, or has it now."""
        if charge.subscription_id is None:
            return bool(
                await self.call(
                    Rpc.FINISH_TOP_UP,
                    charge_id=charge.id,
                    lease=charge.lease,
                    outcome=outcome,
                    reason=reason,
                )
            )
        return bool(
            await self.call(
                Rpc.FINISH_CHARGE,
                charge_id=charge.id,
                lease=charge.lease,
                outcome=outcome,
                reason=reason,
                dead=dead,
            )
        )

    async def list_plans(self) -> list[Plan]:
        return [Plan.model_validate(row) for row in await self.call(Rpc.LIST_PLANS)]

    async def set_plan(
        self,
        plan_id: str,
        *,
        prices: Mapping[str, int | None],
        **given: Any,  # noqa: ANN401
    ) -> Plan:
        """Puts a plan on sale, or changes what is given of it."""
        return await self.record(
            Plan, Rpc.SET_PLAN, id=plan_id, prices=dict(prices) or None, **given
        )

    async def remove_plan(self, plan_id: str) -> bool:
        """Takes a plan off sale. False: there is none."""
        return bool(await self.call(Rpc.REMOVE_PLAN, id=plan_id))

    async def propose_price(
        self, plan_id: str, currency: str, from_at: str | None, *, ends: bool
    ) -> Proposal:
        """Asks who pays less than the price on offer to agree to it."""
        return await self.record(
            Proposal,
            Rpc.PROPOSE_PRICE,
            plan_id=plan_id,
            currency=currency,
            from_at=from_at,
            ends=ends,
        )

    async def withdraw_price(self, plan_id: str, currency: str) -> bool:
        """Asks nobody any more. False: nobody was asked."""
        return bool(await self.call(Rpc.WITHDRAW_PRICE, plan_id=plan_id, currency=currency))

    async def set_unattended(self, gateway: str, unattended: str) -> str:
        return str(await self.call(Rpc.SET_UNATTENDED, gateway=gateway, unattended=unattended))
