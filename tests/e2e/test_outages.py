"""The gateway is down, slow or talks nonsense: a clear answer, and the order is as it was."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from coinslot.server.app import create_app
from tests.support.servers import running
from tests.support.shop import settings_on

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.shop import Shop
    from tests.support.stacks import LocalStack


@pytest_asyncio.fixture(scope="module")
async def impatient(stack: LocalStack) -> AsyncIterator[str]:
    """The address of a sidecar that waits for a gateway no longer than 1 s."""
    async with running(create_app(settings_on(stack, coinslot_gateway_timeout=1))) as url:
        yield url


@pytest.fixture
def there(shop: Shop, impatient: str, kind: str) -> Shop:
    """At a sidecar for which a delay is too long. A machine that is just slow is no outage."""
    return replace(shop, sidecar=impatient) if kind == "delay" else shop


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("delay", 504, "gateway_timeout"),
        ("error_before", 502, "gateway_unavailable"),
        ("error_after", 502, "gateway_unavailable"),
        ("drop_after", 502, "gateway_unavailable"),
        ("rate_limit", 502, "gateway_unavailable"),
        ("malformed", 502, "gateway_nonsense"),
        ("html", 502, "gateway_nonsense"),
        ("refused", 502, "gateway_refused"),
    ],
)
async def test_order_is_untouched_and_completes_afterwards(
    shop: Shop, there: Shop, kind: str, status: int, code: str
) -> None:
    order_id = await shop.order()
    imp_uid = await shop.pay(order_id)
    before = shop.row(order_id)
    await shop.play("faults", "PUT", kind=kind, delay_s=2 if kind == "delay" else 0)
    answer = await there.complete(order_id, imp_uid)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert shop.row(order_id) == before
    where = await there.redirect(order_id, imp_uid)
    assert where.endswith(f"/payment/fail?orderId={order_id}&code={code}")
    await shop.play("faults", "PUT")
    assert (await shop.complete(order_id, imp_uid)).status_code == 200
    assert (await shop.tokens(), shop.purchases()) == (15, 1)


@pytest.mark.parametrize("kind", ["delay", "error_after", "drop_after", "html"])
async def test_checkout_says_that_the_gateway_is_away(shop: Shop, there: Shop, kind: str) -> None:
    await shop.play("faults", "PUT", kind=kind, delay_s=2 if kind == "delay" else 0)
    answer = await there.checkout()
    assert answer.status_code in {502, 504}
    assert answer.json()["code"].startswith("gateway_")


async def test_storm_of_faults_loses_and_doubles_nothing(shop: Shop) -> None:
    """20 orders, half of all gateway calls fail: 20 credited, 0 lost, 0 doubled."""
    orders = [(o, await shop.pay(o)) for o in [await _new_order(shop) for _ in range(20)]]
    faults = [
        {"kind": kind, "share": 0.125} for kind in ("drop_after", "error_before", "html", "refused")
    ]
    await shop.play("faults", "PUT", faults=faults)
    await asyncio.gather(*(_insist(shop, *order) for order in orders))
    assert (await shop.tokens(), shop.purchases()) == (5 + 200, 20)


async def _new_order(shop: Shop) -> str:
    order_id = await shop.order()
    # Out of the way of the cap on open orders.
    shop.select(
        "update token_payments set expires_at = now() where order_id = %s returning 1", order_id
    )
    return order_id


async def _insist(shop: Shop, order_id: str, imp_uid: str) -> None:
    for _ in range(60):
        answers = await asyncio.gather(
            shop.complete(order_id, imp_uid), shop.webhook(order_id, imp_uid)
        )
        if {answer.status_code for answer in answers} == {200}:
            return
    pytest.fail(f"{order_id} was never completed")
