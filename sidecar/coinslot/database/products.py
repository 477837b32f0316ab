"""The RPCs that change what is sold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.database.caller import Caller
from coinslot.database.rpc_names import Rpc
from coinslot.database.shop_records import Product

if TYPE_CHECKING:
    from collections.abc import Mapping


class ProductDatabase(Caller):
    """Products with all their prices, also those that are off sale."""

    async def set_product(
        self,
        product_id: str,
        *,
        name: str | None = None,
        name_ko: str | None = None,
        tokens: int | None = None,
        prices: Mapping[str, int | None],
    ) -> Product:
        """Puts a product on sale, or changes what is given of it; a price of None takes it away."""
        return await self.record(
            Product,
            Rpc.SET_PRODUCT,
            id=product_id,
            name=name,
            name_ko=name_ko,
            tokens=tokens,
            prices=dict(prices),
        )

    async def remove_product(self, product_id: str) -> str | None:
        """`deleted`, or `switched_off` where orders refer to it; None where there is none."""
        ended = await self.call(Rpc.REMOVE_PRODUCT, id=product_id)
        return None if ended is None else str(ended)

    async def void_orders(self, product_id: str) -> int:
        """Ends the orders of a product that may yet be paid; how many."""
        return int(await self.call(Rpc.VOID_ORDERS_FOR, product_id=product_id))

    async def list_products(self) -> list[Product]:
        rows = await self.call(Rpc.LIST_PRODUCTS)
        return [Product.model_validate(row) for row in rows]
