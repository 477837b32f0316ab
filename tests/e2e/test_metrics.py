"""Metrics of running sidecars, read by Prometheus' own parser while people buy."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from coinslot.database.service import ServiceDatabase
from coinslot.errors import DatabaseUnavailable
from coinslot.server import backlog_metrics as backlog
from coinslot.server.app import create_app
from coinslot.services import opened
from tests.support.gateways import PORTONE_V1, STRIPE
from tests.support.monitored_sidecars import MonitoredSidecar, monitored
from tests.support.scraping import Scrape, growth, scrape
from tests.support.servers import PATIENCE, address, listening_socket, running
from tests.support.sidecars import changed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from coinslot.database.monitoring import DatabaseBacklog
    from tests.support.checkouts import Checkout
    from tests.support.shop import Shop
    from tests.support.stacks import LocalStack

QUICK = 0.1
"""Seconds between two questions to the database."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "REFRESH_SECONDS", QUICK)


@pytest_asyncio.fixture
async def monitored_checkout(
    checkout: Checkout, stack: LocalStack
) -> AsyncIterator[tuple[Checkout, MonitoredSidecar]]:
    """At a sidecar of its own."""
    async with monitored(checkout.settings()) as watch:
        checkout.shop = replace(checkout.shop, sidecar=watch.sidecar)
        yield checkout, watch


async def test_stack_has_them(stack: LocalStack) -> None:
    found = scrape(stack.env["METRICS_URL"])
    assert found.value("coinslot_database_up") == 1
    assert found.problems() == []


@pytest.mark.parametrize("gateway", [PORTONE_V1, STRIPE], ids=lambda each: each.name, indirect=True)
class TestCheckout:
    """At one whose webhooks are not signed and that our own client calls, and at one that signs
    them and has a client of its own."""

    async def test_what_webhooks_lead_to(
        self, monitored_checkout: tuple[Checkout, MonitoredSidecar]
    ) -> None:
        """Of an unsigned webhook that has to wait, the stack's own server may take care."""
        checkout, watch = monitored_checkout
        servers = [watch, replace(watch, metrics=checkout.shop.stack.env["METRICS_URL"])]
        before = [await each.scrape() for each in servers]
        order_id = await checkout.order()
        key = await checkout.pay(order_id)
        assert await checkout.tell(order_id, key) == [200]
        await checkout.shop.followed(order_id)
        await checkout.shop.play("refund", payment_key=key)
        assert await checkout.tell(order_id, key, paid=False) == [200]
        await checkout.shop.followed(order_id)

        name = checkout.driver.gateway
        at_each: list[Callable[..., float]] = []

        def at_both(sample: str, **labels: str) -> float:
            return sum(each(sample, gateway=name, **labels) for each in at_each)

        # A server counts a webhook once it hears that the database has committed it.
        async with asyncio.timeout(PATIENCE):
            while not at_each or at_both("coinslot_webhook_lag_seconds_count") < 2:
                after = [await each.scrape() for each in servers]
                at_each = [growth(*scrapes) for scrapes in zip(before, after, strict=True)]
        grown = at_each[0]
        payments = "coinslot_payments_total"
        assert grown(payments, gateway=name, outcome="credited", status="completed") == 1
        assert at_both(payments, outcome="reversed", status="refunded") >= 1
        assert grown("coinslot_webhook_outcomes_total", gateway=name, outcome="credited") == 1
        assert grown("coinslot_webhooks_total", gateway=name) == 2
        assert 0 < at_both("coinslot_webhook_lag_seconds_sum") < 60
        assert at_both("coinslot_gateway_call_duration_seconds_count", operation="read") >= 2
        route = "/payment/<gateway:str>/webhook"
        answered = {"method": "POST", "route": route, "status": "200"}
        assert grown("coinslot_http_requests_total", **answered) == 2
        assert grown("coinslot_http_request_duration_seconds_count", route=route) == 2

    @pytest.mark.parametrize(
        ("fault", "kind"), [("error_before", "unavailable"), ("malformed", "nonsense")]
    )
    async def test_how_the_gateway_fails(
        self, monitored_checkout: tuple[Checkout, MonitoredSidecar], fault: str, kind: str
    ) -> None:
        checkout, watch = monitored_checkout
        if (checkout.driver.name, kind) == ("stripe", "nonsense"):
            kind = "unavailable"  # its library does not tell the two apart
        await fails(checkout, watch, kind, fault)

    async def test_gateway_that_does_not_answer(self, checkout: Checkout) -> None:
        impatient = changed(checkout.settings(), coinslot_gateway_timeout=1)
        async with monitored(impatient) as watch:
            await fails(checkout, watch, "timeout", "delay", delay_s=3)

    async def test_forged_webhook(
        self, monitored_checkout: tuple[Checkout, MonitoredSidecar]
    ) -> None:
        checkout, watch = monitored_checkout
        order_id = await checkout.order()
        key = await checkout.leave(order_id)
        before = await watch.scrape()
        [status] = await checkout.tell(order_id, key, forged=True)
        grown = growth(before, await watch.scrape())
        verdicts = {"verdict": "invalid_signature"} if status == 401 else {}
        assert grown("coinslot_webhooks_total", gateway=checkout.driver.gateway, **verdicts) == 1
        assert checkout.shop.row(order_id)["status"] != "completed"


async def fails(
    checkout: Checkout, watch: MonitoredSidecar, kind: str, fault: str, delay_s: int = 0
) -> None:
    """A read that a webhook leads to there; what comes before it is not in a hurry."""
    order_id = await checkout.order()
    key = await checkout.pay(order_id)
    checkout.shop = replace(checkout.shop, sidecar=watch.sidecar)
    before = await watch.scrape()
    await checkout.fail(fault, delay_s=delay_s)
    await checkout.tell(order_id, key)
    labels = {"gateway": checkout.driver.gateway, "operation": "read", "kind": kind}
    await watch.until(
        lambda now: growth(before, now)("coinslot_gateway_errors_total", **labels) >= 1
    )


async def test_no_caller_chooses_a_label(shop: Shop) -> None:
    async with monitored(shop.settings()) as watch:
        there = replace(shop, sidecar=watch.sidecar)
        order_id, imp_uid = await there.bought()
        before = await watch.scrape()
        for path in (
            f"/payment/{order_id}",
            "/payment/someone@example.com",
            f"/payment/{imp_uid}/webhook",
            "/payment/ord_unheard_of/webhook",
            f"/nothing/{order_id}",
        ):
            for method in ("GET", "POST", "DELETE", "PROPFIND"):
                await shop.http.request(method, watch.sidecar + path, headers=shop.jwt)
        after = await watch.scrape()
    assert after.problems() == []
    assert growth(before, after)("coinslot_http_requests_total") == 20
    assert growth(before, after)("coinslot_http_requests_total", method="other", route="other") > 0


async def test_what_waits_and_what_needs_a_person(shop: Shop) -> None:
    with shop.stack.connect() as owner:  # what waits of tests before this would become less
        owner.execute("update coinslot.webhooks set next_attempt_at = null, finished_at = now()")
    async with monitored(shop.settings()) as watch:
        there = replace(shop, sidecar=watch.sidecar)
        before = await watch.until(lambda now: now.value("coinslot_database_up") == 1)
        order_id = await there.order()
        assert (
            await there.complete(order_id, await there.pay(order_id, amount=1, force=True))
        ).status_code == 400
        waiting = await there.order()
        await there.webhook(waiting, await there.pay(waiting, outcome="abandoned"))
        portone = {"gateway": "portone"}

        def all_shown(now: Scrape) -> bool:
            grown = growth(before, now)
            return (
                grown("coinslot_payments_in_review", **portone) == 1
                and grown("coinslot_discrepancies_open", kind="wrong_amount", **portone) == 1
                and grown("coinslot_webhooks_waiting", **portone) >= 1
                and now.value("coinslot_webhooks_oldest_seconds", **portone) > 0
            )

        await watch.until(all_shown)


async def test_unsound_ledger(shop: Shop) -> None:
    """Found by whichever server is first, shown by all, and until the books add up again."""
    _recheck(shop)
    async with monitored(shop.settings()) as watch, opened(shop.settings()) as services:
        _falsify(shop, 1)
        try:
            with capture_logs() as logged:
                steps = await asyncio.gather(*(services.ledger_checks.check() for _ in range(4)))
        finally:
            _falsify(shop, -1)
        assert [step.wallets for step in steps if step] == [1]
        [line] = [each for each in logged if each["log_level"] == "error"]
        assert line == {
            "event": "ledger_unsound",
            "log_level": "error",
            "wallets": 1,
            "problems": {"tokens": 1, "lots_short": 1},
        }
        found = await watch.until(lambda now: now.value("coinslot_ledger_unsound_wallets") == 1)
        assert found.value("coinslot_discrepancies_open", kind="ledger_unsound") == 1
        assert abs(found.value("coinslot_ledger_check_timestamp_seconds") - time.time()) < 60
        _recheck(shop)
        assert await services.ledger_checks.check()
        await watch.until(lambda now: now.value("coinslot_ledger_unsound_wallets") == 0)


class TestWithoutTheDatabase:
    async def test_scrape_tells_of_it_at_once(self, shop: Shop) -> None:
        """At an address where nobody listens, and at one where nobody answers."""
        silent = listening_socket()
        silent.listen()
        for url in ("http://127.0.0.1:1", address(silent)):
            settings = shop.settings(
                supabase_url=url, coinslot_database_timeout=100, coinslot_stop_seconds=1
            )
            async with monitored(settings) as watch:
                for _ in range(5):
                    async with asyncio.timeout(PATIENCE):
                        found = await watch.scrape()
                    assert found.value("coinslot_database_up") == 0
                    assert "coinslot_webhooks_waiting" not in found.families
                    assert found.value("process_resident_memory_bytes") > 0
        silent.close()

    async def test_old_figures_are_not_shown_as_new(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backlog, "SECONDS_TO_TRUST", 4 * QUICK)
        async with monitored(shop.settings()) as watch:
            await watch.until(lambda now: now.value("coinslot_database_up") == 1)

            async def gone(_: ServiceDatabase) -> DatabaseBacklog:
                raise DatabaseUnavailable

            with monkeypatch.context() as outage:
                outage.setattr(ServiceDatabase, "get_backlog", gone)
                found = await watch.until(lambda now: now.value("coinslot_database_up") == 0)
                assert "coinslot_webhooks_waiting" not in found.families
            await watch.until(lambda now: now.value("coinslot_database_up") == 1)


async def test_scrapes_ask_the_database_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    ask = ServiceDatabase.get_backlog

    async def counted(database: ServiceDatabase) -> DatabaseBacklog:
        asked.append(time.monotonic())
        return await ask(database)

    monkeypatch.setattr(ServiceDatabase, "get_backlog", counted)
    monkeypatch.setattr(backlog, "REFRESH_SECONDS", 60)
    async with monitored(shop.settings()) as watch:
        await asyncio.gather(*(watch.scrape() for _ in range(30)))
        await watch.until(lambda now: now.value("coinslot_database_up") == 1)
    assert len(asked) == 1


async def test_payments_go_on_where_the_port_is_taken(shop: Shop) -> None:
    taken = listening_socket()
    taken.listen()
    port = taken.getsockname()[1]
    with capture_logs() as logged:
        async with running(create_app(shop.settings(coinslot_metrics_port=port))) as url:
            await replace(shop, sidecar=url).bought()
    assert [each["port"] for each in logged if each["event"] == "metrics_off"] == [port]
    taken.close()


def _recheck(shop: Shop) -> None:
    """A check is due again."""
    shop.select("delete from coinslot.ledger_checks returning 1")


def _falsify(shop: Shop, tokens: int) -> None:
    shop.select(
        "update token_wallets set tokens = tokens + %s where user_id = %s returning 1",
        tokens,
        shop.buyer.id,
    )
