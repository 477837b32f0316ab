"""The RPC that checks an installation."""

from __future__ import annotations

from coinslot.database.caller import Caller
from coinslot.database.records import Record
from coinslot.database.rpc_names import Rpc


class Fault(Record):
    """One thing that is wrong with the installation; `repair` is a statement of SQL.

    `stops_buyers`: nobody can sign up, buy or spend with it.
    """

    code: str
    subject: str
    problem: str
    repair: str
    stops_buyers: bool


class InstallationDatabase(Caller):
    async def check_installation(self, *, quick: bool = False) -> list[Fault]:
        """The faults, those to be repaired first before the others. `quick` looks at no user."""
        rows = await self.call(Rpc.CHECK_INSTALLATION, quick=quick)
        return [Fault.model_validate(row) for row in rows]
