"""The RPCs that make promotion codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.database.caller import Caller
from coinslot.database.records import PromotionCode
from coinslot.database.rpc_names import Rpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_PAGE = 500


class CodeDatabase(Caller):
    """Codes of promotions, which are made with SQL or by an owner."""

    async def set_code(
        self, code: str, promotion: str, *, max_uses: int | None, active: bool, reason: str
    ) -> PromotionCode:
        """Makes a code, or changes how often it can be used."""
        return await self.record(
            PromotionCode,
            Rpc.SET_CODE,
            code=code,
            promotion=promotion,
            max_uses=max_uses,
            active=active,
            reason=reason,
        )

    async def make_codes(self, promotion: str, number: int, reason: str) -> list[str]:
        """So many codes of one use each."""
        made = await self.call(Rpc.MAKE_CODES, promotion=promotion, number=number, reason=reason)
        return [str(code) for code in made]

    async def codes(self, promotion: str) -> AsyncIterator[PromotionCode]:
        """All codes of a promotion, by pages, in their order."""
        after: str | None = None
        while page := await self.call(
            Rpc.LIST_CODES, promotion=promotion, page_size=_PAGE, after=after
        ):
            for row in page:
                yield PromotionCode.model_validate(row)
            after = str(page[-1]["code"])
