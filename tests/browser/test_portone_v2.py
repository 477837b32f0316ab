"""PortOne V2, which sells in place of V1 where its keys are set."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from playwright.async_api import expect

from simulators.registry import sidecar_environments
from tests.browser.plan_pages import STATE, subscribes_at
from tests.browser.shopper import CLOSED, on_both
from tests.browser.test_purchases import bought, deposits
from tests.support.portone_v2_shop import QUIET, in_place_of_the_stacks, v2_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from playwright.async_api import Route

    from tests.browser.conftest import Browse
    from tests.support.stacks import LocalStack


@pytest_asyncio.fixture(scope="module")
async def sells_through_v2(stack: LocalStack, http: httpx.AsyncClient) -> AsyncIterator[None]:
    simulators = stack.settings.simulators_url
    gateways = sidecar_environments(simulators, stack.settings)
    changes = {
        **{name.lower(): value for each in gateways for name, value in each.items()},
        "portone_sdk_url": f"{simulators}/portone-v2/sdk.js",
        "coinslot_virtual_accounts": True,
        "coinslot_demo_bank_url": f"{simulators}/_windows/bank",
        "frontend_url": stack.sidecar_url,
    }
    async with in_place_of_the_stacks(stack, **changes):
        (await http.put(f"{v2_url(stack)}/_sim/settings", json=QUIET)).raise_for_status()
        yield


@on_both("desktop")
@pytest.mark.usefixtures("sells_through_v2")
async def test_closed_declined_and_paid(browse: Browse, device: str) -> None:
    buyer = await browse(device)
    buyer.expects("400 /api/payments/complete")
    for how, told in (
        ("Close without paying", CLOSED),
        ("Have the card declined", "was declined"),
    ):
        await buyer.choose("PortOne")
        await buyer.buy()
        await buyer.clicks(how)
        await buyer.told(told)
        await buyer.back_in_the_store()
    await buyer.has(5)
    await buyer.choose("PortOne")
    await buyer.buy()
    await buyer.clicks("Pay ₩5,000")
    await bought(buyer)
    assert buyer.shop.purchases() == 1


@on_both("phone")
@pytest.mark.usefixtures("sells_through_v2")
@pytest.mark.proof
async def test_a_virtual_account_waits_for_its_deposit(browse: Browse, device: str) -> None:
    buyer = await browse(device)
    await buyer.choose("PortOne", "Virtual account")
    await buyer.buy()
    await buyer.clicks("Get a virtual account")
    await buyer.told("Transfer ₩5,000 by")
    await buyer.back_in_the_store()
    await deposits(buyer)
    await bought(buyer)


@on_both("phone")
@pytest.mark.usefixtures("sells_through_v2")
@pytest.mark.proof
async def test_a_payment_that_portone_does_not_show_yet(
    browse: Browse, http: httpx.AsyncClient, device: str
) -> None:
    """Its window has said that it was paid: nobody is told that no money was taken."""
    buyer = await browse(device)
    buyer.expects("400 /api/payments/complete")
    url = f"{v2_url(buyer.shop.stack)}/_sim"
    (await http.put(f"{url}/settings", json={**QUIET, "enabled": False})).raise_for_status()
    await buyer.choose("PortOne")
    await buyer.buy()
    await expect(buyer.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    payment = f"{url}/payments/{buyer.order_id()}"
    not_yet = {"status": "READY", "paidAt": None}
    paid = {"status": "PAID", "paidAt": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}

    async def lag(route: Route) -> None:
        (await http.patch(payment, json=not_yet)).raise_for_status()
        await route.continue_()

    asked = "**/payments/complete*"
    await buyer.page.route(asked, lag, times=1)
    async with buyer.page.expect_response("**/api/payments/complete"):
        await buyer.clicks("Pay ₩5,000")
    await buyer.has_shown_it()
    await buyer.told("Confirming your payment")
    (await http.patch(payment, json=paid)).raise_for_status()
    await buyer.told("10 tokens added")
    await buyer.back_in_the_store()
    await buyer.has(15)
    (await http.put(f"{url}/settings", json=QUIET)).raise_for_status()


@on_both("phone")
@pytest.mark.usefixtures("sells_through_v2")
async def test_a_plan_is_paid_by_a_billing_key(browse: Browse, device: str) -> None:
    person = await browse(device, locale="ko-KR")
    await subscribes_at(person, "portone")
    assert person.shop.select(STATE, person.shop.buyer.id) == [
        ("plus", "portone", "active", False, None)
    ]
