from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio

from coinslot.services import Services, opened
from tests.support.checkouts import EVERY, Checkout, sidecar_for
from tests.support.mailboxes import Mailbox, mailbox
from tests.support.mailings import mail_of
from tests.support.portone_v2_shop import v2_shop, v2_sidecar
from tests.support.refund_desks import RefundDesk, operator_of
from tests.support.shop import Shop
from tests.support.stripe_shop import stripe_shop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.gateways.driver import GatewayDriver
    from tests.support.stacks import LocalStack

__all__ = ["browser", "shop", "stripe_shop", "v2_shop", "v2_sidecar"]


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30) as http:
        yield http


@pytest_asyncio.fixture
async def shop(stack: LocalStack, browser: httpx.AsyncClient) -> AsyncIterator[Shop]:
    """A new buyer with the 5 free tokens. Whatever a test does, the books must add up after it."""
    shop = Shop(stack, browser, stack.sign_up(), stack.sidecar_url)
    yield shop
    await shop.play("faults", "PUT")
    assert await shop.rpc("coinslot_verify_ledger") == []


@pytest_asyncio.fixture(scope="module", params=EVERY, ids=lambda each: each.name)
async def gateway(
    request: pytest.FixtureRequest, stack: LocalStack
) -> AsyncIterator[GatewayDriver]:
    """Each in turn, with a sidecar that serves it."""
    async with sidecar_for(request.param, stack):
        yield request.param


@pytest_asyncio.fixture
async def checkout(gateway: GatewayDriver, shop: Shop) -> AsyncIterator[Checkout]:
    """Its gateway sends no webhook by itself: the tests do."""
    checkout = Checkout.at(gateway, shop)
    await checkout.shop.play("settings", "PUT", enabled=False)
    yield checkout
    await checkout.fail(None)
    await checkout.shop.play("settings", "PUT", enabled=True)


@pytest.fixture
def refund_desk(checkout: Checkout, shop: Shop) -> RefundDesk:
    return RefundDesk(checkout, operator_of(shop))


@pytest_asyncio.fixture
async def post(shop: Shop) -> AsyncIterator[tuple[Mailbox, Services]]:
    """A mailbox, and services that send to it. Events make mails from here on."""
    with mailbox() as box:
        async with opened(mail_of(shop, box)) as services:
            await services.mailings.send_due()
            box.kept.clear()
            yield box, services
            shop.select("delete from coinslot.mailer returning id")
