"""Keys that are replaced one server after the other: no webhook is lost, no buyer turned away.

In each, one server still has the key of before, and the stack's own has the new one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from coinslot.server.app import create_app
from tests.support.checkouts import only_at, settings_for
from tests.support.gateways import PORTONE_V1, STRIPE, TOSS
from tests.support.servers import running
from tests.support.shop import settings_on
from tests.support.sidecars import changed

if TYPE_CHECKING:
    from coinslot.settings.deployment import Settings
    from tests.support.checkouts import Checkout
    from tests.support.shop import Shop

FREE, PACK = 5, 10
OF_BEFORE = {
    PORTONE_V1.name: ("iamport_api_secret", "secret-of-before"),
    TOSS.name: ("toss_secret_key", "test_sk_of_before"),
    STRIPE.name: ("stripe_secret_key", "sk_test_of_before"),
}


def of_before(checkout: Checkout) -> Settings:
    """Of a server that was not started again yet."""
    name, key = OF_BEFORE[checkout.driver.name]
    return changed(settings_for(checkout.driver, checkout.shop.stack), **{name: SecretStr(key)})


@only_at(PORTONE_V1, TOSS, STRIPE)
async def test_a_webhook_that_meets_a_gateways_key_of_before(checkout: Checkout) -> None:
    """It is taken, cannot be followed there, and is followed by a server with the new key."""
    order_id = await checkout.order()
    key = await checkout.pay(order_id)
    async with running(create_app(of_before(checkout), loops=False)) as url:
        there = replace(checkout, shop=replace(checkout.shop, sidecar=url))
        assert await there.tell(order_id, key) == [200]
    assert "credited" in await checkout.shop.followed(order_id)
    assert await checkout.shop.tokens() == FREE + PACK


@only_at(TOSS)
async def test_a_buyer_who_comes_back_to_a_gateways_key_of_before(checkout: Checkout) -> None:
    """Nothing is said to be lost: the page asks again, and the money is taken once."""
    order_id = await checkout.order()
    key = await checkout.agree(order_id)
    async with running(create_app(of_before(checkout), loops=False)) as url:
        there = replace(checkout, shop=replace(checkout.shop, sidecar=url))
        assert await there.come_back(order_id, key) in {202, 502, 503}
    assert await checkout.come_back(order_id, key) == 200
    assert await checkout.shop.tokens() == FREE + PACK


@pytest.mark.parametrize("old_first", [True, False])
async def test_the_keys_of_supabase_one_server_after_the_other(
    shop: Shop, *, old_first: bool
) -> None:
    """Both pairs hold for a while: what begins at a server with one ends at one with the other."""
    keys = shop.stack.keys
    before = settings_on(shop.stack)
    after = settings_on(
        shop.stack, supabase_anon_key=keys.publishable, supabase_service_role_key=keys.secret
    )
    begins, ends = (before, after) if old_first else (after, before)
    async with running(create_app(begins)) as one, running(create_app(ends)) as other:
        order_id = await replace(shop, sidecar=one).order()
        imp_uid = await shop.pay(order_id)
        completed = await shop.http.post(
            f"{other}/api/payments/complete",
            json={"paymentKey": order_id, "impUid": imp_uid},
            headers=shop.jwt,
        )
    assert (completed.status_code, completed.json()["success"]) == (200, True)
    assert await shop.tokens() == FREE + PACK


async def test_a_service_key_that_is_gone_already(shop: Shop) -> None:
    """A webhook is not acknowledged by who cannot keep it: the gateway sends it again."""
    order_id = await shop.order()
    imp_uid = await shop.pay(order_id)
    body = {"imp_uid": imp_uid, "merchant_uid": order_id, "status": "paid"}
    gone = settings_on(shop.stack, supabase_service_role_key="sb_secret_that_was_deleted")
    async with running(create_app(gone)) as url:
        told = await shop.http.post(f"{url}/payment/portone/webhook", json=body)
    assert told.status_code == 503
    again = await shop.http.post(f"{shop.sidecar}/payment/portone/webhook", json=body)
    assert again.status_code == 200
    assert "credited" in await shop.followed(order_id)
    assert await shop.tokens() == FREE + PACK
