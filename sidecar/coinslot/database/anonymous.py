"""The database as somebody sees it who has the public key and has not signed in."""

from __future__ import annotations

from coinslot.database.caller import Caller
from coinslot.database.records import Offer
from coinslot.errors import DatabaseUnavailable


class AnonymousRefused(DatabaseUnavailable):
    """The public key is refused. With it every signed-in person is, too."""


class AnonymousDatabase(Caller):
    not_admitted = AnonymousRefused

    async def look(self) -> None:
        """Reads what anybody may. Raises `AnonymousRefused`, and what else a call raises."""
        await self.rows(self.client.from_("token_offers").select("id").limit(1))

    async def on_sale(self) -> list[Offer]:
        """The offers of a store, in every currency, the smallest first."""
        query = self.client.from_("token_offers").select("*").order("tokens").order("id")
        return [Offer.model_validate(row) for row in await self.rows(query)]
