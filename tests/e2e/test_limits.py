"""Limits on the running stack: who is over one is refused and served again later; nobody else
notices, no gateway's webhook is lost, and the money is right."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import jwt
import pytest
from structlog.testing import capture_logs

from coinslot.server.app import create_app
from coinslot.services import opened
from tests.support.minute_windows import well_within_ten_minutes
from tests.support.redis_servers import Redis, redis, redis_program
from tests.support.servers import running
from tests.support.stacks import PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.shop import Shop
    from tests.support.stripe_shop import StripeShop

__all__ = ["redis", "redis_program", "well_within_ten_minutes"]

HOME, CAFE = "192.0.2.1", "192.0.2.2"
TOO_MANY = (429, "too_many_requests")


@asynccontextmanager
async def behind_a_proxy(shop: Shop, **changes: Any) -> AsyncIterator[Shop]:  # noqa: ANN401
    """At a sidecar of this test's own."""
    settings = shop.settings(coinslot_proxies=1, **changes)
    async with running(create_app(settings)) as url:
        yield replace(shop, sidecar=url)


def with_stripe(shop: Shop) -> dict[str, str]:
    env = shop.stack.env
    return {name.lower(): value for name, value in env.items() if name.startswith("STRIPE_")}


async def looks(shop: Shop, address: str, token: str, times: int = 1) -> list[tuple[int, str]]:
    """At one's orders, one look after the other: status and code."""
    found = []
    for _ in range(times):
        answer = await shop.http.get(
            f"{shop.sidecar}/payment/history/me",
            headers={"Authorization": f"Bearer {token}", "X-Forwarded-For": address},
        )
        found.append((answer.status_code, answer.json().get("code", "")))
    return found


async def signed_in_again(shop: Shop) -> str:
    answer = await shop.http.post(
        f"{shop.stack.api_url}/auth/v1/token?grant_type=password",
        json={"email": shop.buyer.email, "password": PASSWORD},
        headers={"apikey": shop.stack.keys.anon},
    )
    return str(answer.raise_for_status().json()["access_token"])


class TestUser:
    async def test_over_the_limit_is_refused_everywhere_and_nobody_else(self, shop: Shop) -> None:
        other, token = shop.stack.sign_up().token, shop.buyer.token
        async with behind_a_proxy(shop, coinslot_limit_reads="3/10 minutes") as limited:
            answers = await looks(limited, HOME, token, 6)
            # The first one told whose the token is.
            assert answers == [(200, "")] * 4 + [TOO_MANY] * 2
            assert await looks(limited, CAFE, token) == [TOO_MANY]
            again = await signed_in_again(shop)
            assert again != token
            assert await looks(limited, CAFE, again, 2) == [(200, ""), TOO_MANY]
            assert await looks(limited, CAFE, other, 3) == [(200, "")] * 3

    async def test_is_not_locked_out_by_who_claims_to_be_them(self, shop: Shop) -> None:
        claims = jwt.decode(shop.buyer.token, options={"verify_signature": False})
        forged = jwt.encode(claims, "another secret, which is long enough for HS256")
        async with behind_a_proxy(shop, coinslot_limit_reads="3/10 minutes") as limited:
            await looks(limited, HOME, shop.buyer.token)
            flood = await looks(limited, CAFE, forged, 20)
            assert flood == [(401, "unauthenticated")] * 15 + [TOO_MANY] * 5
            assert await looks(limited, HOME, shop.buyer.token, 3) == [(200, "")] * 3

    async def test_buys_again_when_it_was_said(self, shop: Shop) -> None:
        changes = {"coinslot_limit_orders": "2/2 seconds", "coinslot_limit_address_factor": 1}
        async with behind_a_proxy(shop, **changes) as limited:
            flood = await asyncio.gather(*(limited.checkout() for _ in range(60)))
            refused = [answer for answer in flood if answer.status_code == 429]
            assert len(refused) >= 56
            assert {answer.json()["code"] for answer in refused} == {"too_many_requests"}
            await asyncio.sleep(int(refused[-1].headers["retry-after"]))
            await limited.bought()
        assert await shop.tokens() == 15
        [(orders,)] = shop.select(
            "select count(*) from token_payments where user_id = %s", shop.buyer.id
        )
        assert orders == 61 - len(refused)

    async def test_with_too_many_open_orders_is_told_when_there_is_room(self, shop: Shop) -> None:
        while (answer := await shop.checkout()).status_code == 200:
            pass
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_orders")
        assert 3500 < int(answer.headers["retry-after"]) <= 3600


async def test_storage_that_goes_away_stops_no_sale(shop: Shop, redis: Redis) -> None:
    changes = {"coinslot_limit_reads": "3/10 minutes", "coinslot_limit_storage": redis.storage}
    async with (
        behind_a_proxy(shop, **changes) as first,
        behind_a_proxy(shop, **changes) as second,
    ):
        for each in (first, second):
            await looks(each, HOME, shop.buyer.token)
        assert await looks(first, HOME, shop.buyer.token, 4) == [(200, "")] * 3 + [TOO_MANY]
        assert await looks(second, HOME, shop.buyer.token) == [TOO_MANY]
        with capture_logs() as logged:
            redis.kill()
            assert await looks(first, HOME, shop.buyer.token, 20) == [(200, "")] * 20
            await first.bought()
            redis.start()
            async with asyncio.timeout(20):
                while (await looks(first, HOME, shop.buyer.token))[0] != TOO_MANY:
                    pass
        warnings = [line for line in logged if line["event"] == "limits_storage_away"]
        assert 1 <= len(warnings) <= 3
    assert await shop.tokens() == 15


class TestWebhooks:
    async def test_flood_of_forged_ones_delays_no_genuine_one(self, shop: Shop) -> None:
        """Unsigned hints about an order share a row and lead to few reads; what names no order of
        ours, or is signed by somebody else, leaves nothing."""
        bait = await shop.order()
        imp_uid = await shop.pay(bait, outcome="abandoned")
        order_id = await shop.order()
        paid = await shop.pay(order_id)
        # The gateways have no limit for being flooded: not even the strictest for everybody else.
        strict = dict.fromkeys(
            (f"coinslot_limit_{each}" for each in ("orders", "settlements", "reads")), "1/hour"
        )
        async with (
            behind_a_proxy(shop, **strict, **with_stripe(shop)) as limited,
            httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=20)) as forger,
        ):
            stripes = f"{limited.sidecar}/payment/stripe/webhook"
            forged = {"Stripe-Signature": f"t={int(time.time())},v1={'0' * 64}"}

            async def forge(number: int) -> int:
                if number % 3 == 0:
                    return (await forger.post(stripes, json={}, headers=forged)).status_code
                about = bait if number % 3 == 1 else f"ord_{uuid4().hex[:20]}"
                return (await replace(limited, http=forger).webhook(about, imp_uid)).status_code

            began = time.monotonic()
            flood = [asyncio.create_task(forge(number)) for number in range(300)]
            await asyncio.sleep(0)
            genuine = await limited.webhook(order_id, paid)
            assert genuine.status_code == 200
            await shop.until(lambda: shop.row(order_id)["status"] == "completed")
            statuses = await asyncio.gather(*flood)
            seconds = time.monotonic() - began
        assert 429 not in statuses
        assert (await shop.tokens(), shop.purchases()) == (15, 1)
        [(rows,)] = shop.select("select count(*) from coinslot.webhooks where order_id = %s", bait)
        assert rows == 1
        [(reads,)] = shop.select(
            "select sum(attempts)::int from coinslot.webhooks where order_id = %s", bait
        )
        assert reads <= 2 + seconds / 3
        invented = shop.select(
            "select count(*) from coinslot.webhooks where payment_key = %s and order_id <> %s",
            imp_uid,
            bait,
        )
        assert invented == [(0,)]


class TestClock:
    async def test_webhook_refused_for_its_time_is_credited_by_the_reconciler(
        self, stripe_shop: StripeShop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop = stripe_shop
        order_id = await shop.order()
        key = await shop.pay(order_id)
        settings = shop.settings(**with_stripe(shop))
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + 3600)
        async with (
            running(create_app(settings)) as url,
            opened(settings) as services,
            httpx.AsyncClient() as http,
        ):
            await shop.play("settings", "PUT", url=f"{url}/payment/stripe/webhook")
            try:
                assert await shop.deliver(key) == [401]
                assert shop.row(order_id)["status"] == "pending"
                shop.select(
                    "update coinslot.payment_reads r set next_read_at = now() "
                    "from token_payments p "
                    "where p.id = r.payment_id and p.order_id = %s returning 1",
                    order_id,
                )
                await services.reconciliations.once()
                await shop.becomes(order_id, "completed")
                assert (await http.get(f"{url}/health")).status_code == 200
            finally:
                webhooks = f"{shop.stack.sidecar_url}/payment/stripe/webhook"
                await shop.play("settings", "PUT", url=webhooks)
        assert (await shop.tokens(), shop.purchases()) == (15, 1)
