"""The gateway's own receipt: of the owner's paid order, followed from a page, and never kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from coinslot.errors import NoReceipt, OrderNotFound
from coinslot.gateways.base import GatewayPayment
from coinslot.payments.receipts import Receipts

if TYPE_CHECKING:
    from coinslot.payments.orders import Orders

URL = "https://receipts.example.test/1"


class OneOrder:
    """The orders of a person who has this one, and the gateway that was paid."""

    def __init__(self, receipt: str | None = URL, **order: Any) -> None:  # noqa: ANN401
        known = {"payment_key": "key", "paid": 5000, "gateway": "acme"}
        self.order = type("Order", (), {**known, **order})()
        self.fact = GatewayPayment("o", "key", "paid", 5000, "KRW", live=False, receipt=receipt)
        self.asked: list[tuple[str | None, str | None]] = []

    async def owned(self, token: str, _order_id: str) -> Any:  # noqa: ANN401
        if token != "owner":
            raise OrderNotFound
        return self.order

    def gateway(self, name: str) -> OneOrder:
        assert name == "acme"
        return self

    async def read(self, order_id: str | None, payment_key: str | None) -> GatewayPayment:
        self.asked.append((order_id, payment_key))
        return self.fact

    def receipts(self) -> Receipts:
        return Receipts(cast("Orders", self))


async def test_the_owner_is_told_where_it_is() -> None:
    shop = OneOrder()
    assert await shop.receipts().address("owner", "o") == URL
    assert shop.asked == [("o", "key")]


async def test_nobody_else_is() -> None:
    shop = OneOrder()
    with pytest.raises(OrderNotFound):
        await shop.receipts().address("stranger", "o")
    assert shop.asked == []


@pytest.mark.parametrize("order", [{"paid": 0}, {"payment_key": None}])
async def test_an_order_that_nobody_paid_has_none(order: dict[str, Any]) -> None:
    shop = OneOrder(**order)
    with pytest.raises(NoReceipt):
        await shop.receipts().address("owner", "o")
    assert shop.asked == []


@pytest.mark.parametrize(
    "receipt", [None, "", "javascript:alert(1)", "http://a.example/1", "https://a b", "https://é"]
)
async def test_what_no_page_may_follow_is_none(receipt: str | None) -> None:
    with pytest.raises(NoReceipt):
        await OneOrder(receipt).receipts().address("owner", "o")


async def test_that_of_another_attempt_is_none() -> None:
    """PortOne shows of an order the attempt that succeeded, or the latest one."""
    with pytest.raises(NoReceipt):
        await OneOrder(payment_key="earlier").receipts().address("owner", "o")


def test_the_address_is_not_stored_nor_logged() -> None:
    fact = OneOrder().fact
    assert URL not in str(fact.arguments())
    assert URL not in repr(fact)
