"""The RPCs of what is known of one person: all of it, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coinslot.database.caller import Caller
from coinslot.database.records import Record
from coinslot.database.rpc_names import Rpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# Rows of a page: far below what one call may take.
_PAGE = 500


class Kept(Record):
    """Something that is kept of a person, until when, and by which law."""

    what: str
    until: str
    law: str


class ExportParts(Record):
    """The user, the parts that an export has, and how long what is kept."""

    user_id: str
    parts: list[str]
    retention: list[Kept]


class Erasure(Record):
    """An erasure, as far as it is. `entries` of the ledger were blanked; `forfeited_tokens` had
    been paid for and were not used."""

    user_id: str
    dry_run: bool
    done: bool
    entries: int
    forfeited_tokens: int
    kept: list[Kept]


class PersonalDatabase(Caller):
    async def export_parts(self, who: str) -> ExportParts:
        """`who` is the id of a user, deleted or not, or a confirmed e-mail."""
        return await self.record(ExportParts, Rpc.EXPORT_USER, who=who)

    async def exported(self, who: str, part: str) -> AsyncIterator[list[dict[str, Any]]]:
        """The rows of one part, page by page."""
        after: list[Any] | None = None
        while True:
            page = await self.call(
                Rpc.EXPORT_USER, who=who, part=part, after=after, page_size=_PAGE
            )
            if page["rows"]:
                yield page["rows"]
            after = page["next"]
            if after is None:
                return

    async def erase_user(self, who: str, reason: str, *, forfeit: bool, dry_run: bool) -> Erasure:
        """One step; it is repeated until it is done."""
        return await self.record(
            Erasure, Rpc.ERASE_USER, who=who, reason=reason, forfeit=forfeit, dry_run=dry_run
        )
