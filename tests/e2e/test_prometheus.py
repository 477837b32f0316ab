"""Every rule and every chart finds something at a running stack: a metric that nobody has is no
error, and an alert on it would never ring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from sanic.response import text

from coinslot.services import opened
from tests.e2e.test_endpoints import told
from tests.monitoring import dashboard
from tests.monitoring.test_alerts import RULES
from tests.support.prometheus import Prometheus, scraping
from tests.support.servers import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.shop import Shop

FIGURES = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}


@pytest_asyncio.fixture
async def prometheus(shop: Shop, tmp_path: Path) -> AsyncIterator[Prometheus]:
    target = shop.stack.env["METRICS_URL"].removeprefix("http://").partition("/")[0]
    with scraping(target, tmp_path) as found:
        yield found


async def live(shop: Shop) -> None:
    """An hour of a shop's life: a purchase, a case, a forged webhook, a gateway that fails."""
    order_id, imp_uid = await shop.bought()
    await shop.webhook(order_id, imp_uid)
    odd = await shop.order()
    await shop.complete(odd, await shop.pay(odd, amount=1, force=True))
    forged = {"Stripe-Signature": "t=1,v1=00"}
    await shop.http.post(f"{shop.sidecar}/payment/stripe/webhook", json={}, headers=forged)
    await shop.play("faults", "PUT", mode="malformed", count=2)
    failing = await shop.order()
    await shop.complete(failing, "imp_000000000000")
    await shop.play("faults", "PUT")
    await shop.followed(order_id)


async def test_every_rule_and_every_chart_finds_something(
    shop: Shop, prometheus: Prometheus
) -> None:
    await prometheus.found("coinslot_database_up")
    async with opened(shop.settings()) as services:
        shop.select("delete from coinslot.ledger_checks returning 1")
        assert await services.ledger_checks.check()
    async with told(shop, "payment.completed") as (app, _):
        app.answer = lambda _: text("not now", status=503)
        # A counter that was not there a moment ago has not grown yet: everything happens twice.
        for _ in range(2):
            await live(shop)
            await prometheus.found("coinslot_webhook_lag_seconds_count")
        missing = {*FIGURES.values(), *FIGURES, *dashboard.queries()}

        async def all_found() -> bool:
            for query in list(missing):
                if await prometheus.ask(query):
                    missing.remove(query)
            return not missing

        try:
            await until(all_found, 40)
        except TimeoutError:
            pytest.fail(f"found nothing: {missing}")


def test_the_dashboard_is_what_is_built() -> None:
    assert dashboard.FILE.read_text() == dashboard.built()
