"""Several attempts to pay one order through PortOne V1, of which no webhook tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from coinslot.services import opened
from tests.support.checkouts import settings_for
from tests.support.gateways import PORTONE_V1

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.shop import Shop


@pytest_asyncio.fixture
async def waiting(shop: Shop) -> AsyncIterator[tuple[str, str]]:
    """An order that waits for a deposit, and the payment that it is to come with."""
    await shop.play("settings", "PUT", enabled=False)
    order_id = await shop.order()
    account = await shop.pay(order_id, outcome="awaiting_deposit")
    assert (await shop.complete(order_id, account)).status_code == 202
    yield order_id, account
    await shop.play("settings", "PUT", enabled=True)


async def reconcile(shop: Shop, order_id: str) -> None:
    """By whichever server, until the order is completed."""
    shop.select(
        "update coinslot.payment_reads r set next_read_at = now() from token_payments p "
        "where p.id = r.payment_id and p.order_id = %s returning 1",
        order_id,
    )
    async with opened(settings_for(PORTONE_V1, shop.stack)) as services:
        await services.reconciliations.once()
    await shop.until(lambda: shop.row(order_id)["status"] == "completed")
    assert await shop.tokens() == 15


async def test_paid_otherwise_while_an_account_waits(shop: Shop, waiting: tuple[str, str]) -> None:
    order_id, account = waiting
    card = await shop.pay(order_id)
    await reconcile(shop, order_id)
    assert shop.row(order_id)["payment_key"] == card != account


async def test_deposit_after_an_attempt_that_buys_nothing(
    shop: Shop, waiting: tuple[str, str]
) -> None:
    """Of two with money the gateway shows the newer one, which is of another sum."""
    order_id, account = waiting
    wrong = await shop.pay(order_id, amount=1, force=True)
    assert (await shop.complete(order_id, wrong)).status_code == 400
    assert shop.row(order_id)["status"] == "review"
    await shop.play("deposit", payment_key=account)
    await reconcile(shop, order_id)
    assert shop.discrepancies(order_id) == ["wrong_amount"]
