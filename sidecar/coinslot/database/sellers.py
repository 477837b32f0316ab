"""The RPC of the seller's details."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.database.caller import Caller
from coinslot.database.rpc_names import Rpc
from coinslot.database.shop_records import Seller

if TYPE_CHECKING:
    from collections.abc import Mapping


class SellerDatabase(Caller):
    async def set_seller(
        self,
        business: Mapping[str, str | None] | None = None,
        tax_status: str | None = None,
        time_zone: str | None = None,
        reason: str | None = None,
    ) -> Seller:
        """Sets what is given, and tells all of it; a detail of None in `business` is taken away."""
        return await self.record(
            Seller,
            Rpc.SET_SELLER,
            business=dict(business) if business else None,
            tax_status=tax_status,
            time_zone=time_zone,
            reason=reason,
        )
