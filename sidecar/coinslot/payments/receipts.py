"""The receipts that gateways give: asked for when their owner wants to see one, and never kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.errors import NoReceipt
from coinslot.text import is_link

if TYPE_CHECKING:
    from coinslot.payments.orders import Orders


class Receipts:
    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    async def address(self, token: str, order_id: str) -> str:
        """The address of the gateway's receipt, for the order's owner. Raises `NoReceipt`."""
        order = await self._orders.owned(token, order_id)
        if order.payment_key is None or not order.paid:
            raise NoReceipt
        fact = await self._orders.gateway(order.gateway).read(order_id, order.payment_key)
        if fact.payment_key != order.payment_key or not is_link(fact.receipt):
            raise NoReceipt
        return str(fact.receipt)
