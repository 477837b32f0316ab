"""The RPCs of secrets that are sealed anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from coinslot.database.caller import Caller
from coinslot.database.records import Record
from coinslot.database.rpc_names import Rpc

if TYPE_CHECKING:
    from collections.abc import Sequence


class SealedSecret(Record):
    """A secret as it stands in the database, and the row that it is bound to."""

    place: Literal["billing_key", "endpoint", "endpoint_old"]
    owner: str
    sealed: str = Field(repr=False)


class SealedPage(Record):
    """Secrets under another key than the one that was asked about; `left` counts all of them."""

    left: int
    items: list[SealedSecret]


class SealedDatabase(Caller):
    async def list_sealed(
        self, key_id: str, after: SealedSecret | None = None, page_size: int = 100
    ) -> SealedPage:
        cursor = None if after is None else {"place": after.place, "owner": after.owner}
        return await self.record(
            SealedPage, Rpc.LIST_SEALED, key_id=key_id, after=cursor, page_size=page_size
        )

    async def reseal(self, sealed: Sequence[tuple[SealedSecret, str]]) -> int:
        """Replaces each where it still is as it was read. How many were."""
        items = [
            {"place": old.place, "owner": old.owner, "before": old.sealed, "sealed": new}
            for old, new in sealed
        ]
        count: int = await self.call(Rpc.RESEAL, items=items)
        return count
