"""The sidecar's own work, and how it says that it cannot do it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
from structlog.testing import capture_logs

from coinslot.database.service import ServiceDatabase
from coinslot.server.app import create_app
from tests.support.servers import running, until
from tests.support.sidecars import changed
from tests.support.toss_shop import TossShop

if TYPE_CHECKING:
    from coinslot.database.records import Maintenance
    from tests.support.shop import Shop


async def test_ready_with_its_database(shop: Shop) -> None:
    answer = await shop.http.get(f"{shop.sidecar}/ready")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})


async def test_not_ready_where_it_and_the_database_differ_in_mode(shop: Shop) -> None:
    live = changed(shop.settings(), coinslot_mode="live")
    async with running(create_app(live)) as url:
        answer = await shop.http.get(f"{url}/ready")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["mode: this server is live, the database is test"]


async def test_test_payment_is_unknown_in_live_mode(shop: Shop) -> None:
    order_id = await shop.order()
    imp_uid = await shop.pay(order_id)
    live = changed(shop.settings(), coinslot_mode="live")
    async with running(create_app(live)) as url:
        answer = await replace(shop, sidecar=url).complete(order_id, imp_uid)
    assert (answer.status_code, answer.json()["code"]) == (400, "payment_unknown_at_gateway")
    assert (await shop.tokens(), shop.row(order_id)["status"]) == (5, "pending")


async def test_service_key_that_is_refused_is_not_the_callers_fault(shop: Shop) -> None:
    wrong = shop.settings(supabase_service_role_key="sb_secret_of_another_project")
    async with running(create_app(wrong)) as url:
        answer = await replace(shop, sidecar=url).complete("ord_ffffffffffffffff", "imp_1")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")


async def test_two_servers_racing_credit_once(shop: Shop) -> None:
    order_id = await shop.order()
    imp_uid = await shop.pay(order_id)
    async with running(create_app(shop.settings())) as url:
        shops = (shop, replace(shop, sidecar=url))
        answers = await asyncio.gather(
            *(each.complete(order_id, imp_uid) for each in shops for _ in range(25))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert (await shop.tokens(), shop.purchases()) == (15, 1)


async def test_read_that_another_server_overtook_is_made_again(shop: Shop) -> None:
    order_id = await shop.order()
    imp_uid = await shop.pay(order_id)
    async with running(create_app(shop.settings())) as url:
        await shop.play("faults", "PUT", kind="delay", delay_s=3, next=1, path=imp_uid)
        slow = asyncio.create_task(replace(shop, sidecar=url).complete(order_id, imp_uid))

        async def under_way() -> bool:
            return bool(await shop.play("faults", "GET") == {"faults": []})

        await until(under_way)
        assert (await shop.complete(order_id, imp_uid)).json()["status"] == "completed"
        refund = {"status": "cancelled", "cancel_amount": 5000}
        await shop.play(f"payments/{imp_uid}", "PATCH", **refund)
        with capture_logs() as logged:
            answer = await slow
    outcomes = [line["outcome"] for line in logged if line["event"] == "settled"]
    assert outcomes == ["stale", "reversed"]
    assert answer.json()["code"] == "payment_refunded"
    assert await shop.tokens() == 5


async def test_works_with_publishable_and_secret_keys(shop: Shop) -> None:
    env = shop.stack.env
    keys = shop.settings(
        supabase_anon_key=env["SUPABASE_PUBLISHABLE_KEY"],
        supabase_service_role_key=env["SUPABASE_SECRET_KEY"],
    )
    async with running(create_app(keys)) as url:
        await replace(shop, sidecar=url).bought()
    assert await shop.tokens() == 15


async def test_expires_orders_by_itself(shop: Shop) -> None:
    order_id = await shop.order()
    shop.select(
        "update token_payments set expires_at = now() where order_id = %s returning 1", order_id
    )
    async with running(create_app(shop.settings(coinslot_maintenance_seconds=0.05))):
        async with asyncio.timeout(10):
            while shop.row(order_id)["status"] != "expired":  # noqa: ASYNC110 - the database's
                await asyncio.sleep(0.05)


async def test_confirm_whose_browser_left_is_applied_before_it_stops(shop: Shop) -> None:
    toss = TossShop.of(shop)
    order_id, key = await toss.agreed()
    keys = {"toss_client_key": "test_ck_sandbox", "toss_secret_key": "test_sk_sandbox"}
    server = shop.settings(**keys, toss_api_url=toss.toss_url)
    async with (
        toss.fault("delay", delay_s=1.5, path="/confirm"),
        running(create_app(server)) as url,
        httpx.AsyncClient(timeout=0.5) as impatient,
    ):
        with pytest.raises(httpx.ReadTimeout):
            await replace(toss, sidecar=url, http=impatient).confirm(order_id, key)
        assert shop.row(order_id)["status"] == "pending"
    assert (shop.row(order_id)["status"], await shop.tokens()) == ("completed", 15)


async def test_maintenance_outlives_what_nobody_foresaw(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[int] = []

    async def fail(_: ServiceDatabase) -> Maintenance:
        rounds.append(len(rounds))
        raise ValueError

    monkeypatch.setattr(ServiceDatabase, "coinslot_run_maintenance", fail)
    async with running(create_app(shop.settings(coinslot_maintenance_seconds=0.01))):
        await shop.until(lambda: len(rounds) > 2)


async def test_maintenance_outlives_a_database_that_is_down(shop: Shop) -> None:
    down = shop.settings(supabase_url="http://127.0.0.1:1", coinslot_maintenance_seconds=0.01)
    async with running(create_app(down)) as url:
        await asyncio.sleep(0.1)
        assert (await shop.http.get(f"{url}/health")).status_code == 200
