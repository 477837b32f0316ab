"""The RPC that makes a database live."""

from __future__ import annotations

from typing import Literal

from coinslot.database.caller import Caller
from coinslot.database.records import Record
from coinslot.database.rpc_names import Rpc


class ReversedPayment(Record):
    """Tokens that a test payment gave, and the balance without those of any."""

    order_id: str
    user_id: str
    tokens: int
    balance: int


class GoingLive(Record):
    """The test payments that are reversed, the unpaid test orders that are called off and the open
    refunds of test orders that are given up; a dry run only counts them."""

    mode: Literal["test", "live"]
    dry_run: bool
    tokens: int
    payments: list[ReversedPayment]
    orders: int
    refunds: int


class GoingLiveDatabase(Caller):
    async def go_live(self, *, dry_run: bool) -> GoingLive:
        """Takes real money from now on, and none of test cards; a dry run changes nothing."""
        return await self.record(GoingLive, Rpc.GO_LIVE, dry_run=dry_run)
