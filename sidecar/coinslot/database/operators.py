"""The RPCs of operators."""

from __future__ import annotations

from coinslot.database.caller import Caller
from coinslot.database.rpc_names import Rpc
from coinslot.database.shop_records import Limits, Operator, OperatorAccount


class OperatorDatabase(Caller):
    """`who` is a user's id, or an e-mail that one user has confirmed. Raises `user_not_found`."""

    async def add_operator(self, who: str, role: str, limits: Limits | None = None) -> Operator:
        """Gives a user this role, in place of the one they had. Limits that are not given stay.
        Raises `last_owner`."""
        given = {"who": who, "role": role}
        more = {} if limits is None else {"limits": limits}
        return await self.record(Operator, Rpc.ADD_OPERATOR, **given, **more)

    async def remove_operator(self, who: str) -> Operator | None:
        """The operator who is none any more; None where the user was none. Raises `last_owner`."""
        row = await self.call(Rpc.REMOVE_OPERATOR, who=who)
        return Operator.model_validate(row) if row and row.get("user_id") else None

    async def list_operators(self) -> list[OperatorAccount]:
        rows = await self.call(Rpc.LIST_OPERATORS)
        return [OperatorAccount.model_validate(row) for row in rows]
