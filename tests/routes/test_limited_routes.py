"""Which routes have a limit, whom a call is counted for, and what a refusal looks like."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from structlog.testing import capture_logs

from coinslot.database import caller
from coinslot.server.app import create_app
from tests.support.contract import agreed
from tests.support.minute_windows import well_within_ten_minutes
from tests.support.servers import running
from tests.support.sidecars import FRONTEND, settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# Each costs a read of the database at the most, or is a gateway's.
FREE = {
    *("/health", "/ready", "/openapi.json", "/payment/<gateway:str>/webhook"),
    *("/", "/store", "/store/invite", "/store/config", "/console", "/web/<path:path>"),
    *("/store/subscription", "/billing/success", "/billing/fail"),
    *("/payment/success", "/payment/fail"),
}
ORDER = "/payment/ord_0123456789ab"
JWT = {"Authorization": "Bearer a.b.c"}


__all__ = ["well_within_ten_minutes"]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database that is down is asked again at once."""
    monkeypatch.setattr(caller, "_PAUSES", (0.0, 0.0))


@asynccontextmanager
async def limited(**changes: Any) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ANN401
    """Two calls in ten minutes for one address, of anything; the database is down."""
    rates = {
        f"coinslot_limit_{each}": "2/10 minutes" for each in ("orders", "settlements", "refunds")
    }
    given = {**rates, "coinslot_limit_reads": "2/10 minutes", "coinslot_limit_address_factor": 1}
    app = create_app(settings(**{**given, **changes}))
    async with running(app) as url, httpx.AsyncClient(base_url=url) as http:
        yield http


async def statuses(
    http: httpx.AsyncClient, *froms: str, header: str = "X-Forwarded-For"
) -> list[int]:
    return [(await http.get(ORDER, headers={**JWT, header: each})).status_code for each in froms]


def test_every_route_has_a_limit_or_is_known_to_have_none() -> None:
    app = create_app(settings())
    free = {
        f"/{route.path}"
        for route in app.router.routes
        if not hasattr(route.handler, "limited") and "OPTIONS" not in route.methods
    }
    # What a phone's payment window calls counts inside, so that a buyer is sent on all the same.
    assert free == FREE | {"/payments/complete"}


@pytest.mark.parametrize(
    ("method", "path", "documented"),
    [
        ("post", "/api/payments/checkout", "/api/payments/checkout"),
        ("post", "/api/payments/complete", "/api/payments/complete"),
        ("post", "/payment/toss/create", "/payment/toss/create"),
        ("post", "/payment/toss/confirm", "/payment/toss/confirm"),
        ("post", "/payment/stripe/create", "/payment/stripe/create"),
        ("post", f"{ORDER}/refund", "/payment/{order_id}/refund"),
        ("get", ORDER, "/payment/{order_id}"),
        ("get", "/payment/history/me", "/payment/history/me"),
    ],
)
async def test_call_beyond_the_limit(method: str, path: str, documented: str) -> None:
    async with limited() as http:
        headers = {**JWT, "Origin": FRONTEND}
        body: Any = {} if method == "post" else None
        answers = [await http.request(method, path, headers=headers, json=body) for _ in range(3)]
    assert 429 not in {answer.status_code for answer in answers[:2]}
    refused = answers[2]
    assert (agreed(method, documented, refused), refused.json()["code"]) == (
        429,
        "too_many_requests",
    )
    assert 1 <= int(refused.headers["retry-after"]) <= 600
    assert "retry-after" in refused.headers["access-control-expose-headers"].split(",")
    assert refused.headers["access-control-allow-origin"] == FRONTEND
    assert refused.headers["x-content-type-options"] == "nosniff"


async def test_buyer_from_a_payment_window_is_sent_on_all_the_same() -> None:
    async with limited() as http:
        query = {"merchant_uid": "ord_0123456789ab", "imp_uid": "imp_1"}
        answers = [await http.get("/payments/complete", params=query) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [303] * 3
    assert "code=database_unavailable" in answers[1].headers["location"]
    assert "code=too_many_requests" in answers[2].headers["location"]


async def test_head_counts_as_get() -> None:
    async with limited() as http:
        answers = [await http.head(ORDER, headers=JWT) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 429]


async def test_webhooks_and_probes_have_none() -> None:
    async with limited() as http:
        await statuses(http, *["192.0.2.1"] * 3)
        for _ in range(30):
            webhook = await http.post(
                "/payment/portone/webhook",
                json={"imp_uid": "imp_1", "merchant_uid": "topup", "status": "paid"},
            )
            assert webhook.status_code == 200
            assert (await http.get("/health")).status_code == 200
            assert (await http.get("/ready")).status_code == 503


class TestAddress:
    async def test_that_anybody_can_write_is_not_believed(self) -> None:
        async with limited() as http:
            for header in ("X-Forwarded-For", "X-Real-IP"):
                found = await statuses(http, "192.0.2.1", "192.0.2.2", "192.0.2.3", header=header)
                assert found[-1] == 429
            forwarded = await statuses(http, "for=192.0.2.9;secret=guess", header="Forwarded")
            assert forwarded == [429]

    async def test_that_is_not_believed_is_told_of_once(self) -> None:
        with capture_logs() as logs:
            async with limited() as http:
                await statuses(http, "192.0.2.1", "192.0.2.2")
            async with limited(coinslot_proxies=1) as http:
                await statuses(http, "192.0.2.1")
        told = [line for line in logs if line["event"] == "forwarded_address_not_believed"]
        assert [line["see"] for line in told] == ["COINSLOT_PROXIES"]

    async def test_is_what_the_trusted_proxy_adds(self) -> None:
        """Further to the left is what the caller wrote."""
        async with limited(coinslot_proxies=1) as http:
            flood = [f"203.0.113.{number}, 192.0.2.1" for number in range(5)]
            assert await statuses(http, *flood) == [503, 503, 429, 429, 429]
            assert await statuses(http, "192.0.2.1, 192.0.2.2", "192.0.2.2:4711") == [503, 503]
            assert await statuses(http, "192.0.2.2") == [429]

    async def test_is_in_the_header_of_the_trusted_proxy(self) -> None:
        async with limited(coinslot_real_ip_header="X-Real-IP") as http:
            real = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"]
            assert await statuses(http, *real, header="X-Real-IP") == [503, 503, 429, 503]

    async def test_is_what_comes_with_the_secret(self) -> None:
        secret = "of-the-proxy-and-ours"
        async with limited(coinslot_forwarded_secret=secret) as http:
            ours = [f"for=192.0.2.{number};secret={secret}" for number in (1, 1, 1, 2)]
            assert await statuses(http, *ours, header="Forwarded") == [503, 503, 429, 503]
            forged = [f"for=192.0.2.{number};secret=guessed-by-somebody" for number in (3, 4, 5)]
            assert await statuses(http, *forged, header="Forwarded") == [503, 503, 429]

    @pytest.mark.parametrize(
        ("first", "second", "same"),
        [
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
            ("2001:db8:0:1::1", "[2001:DB8:0:1::2]:443", True),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
            ("::ffff:192.0.2.1", "192.0.2.1", True),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ],
    )
    async def test_of_ipv6_is_a_network(self, first: str, second: str, same: bool) -> None:
        async with limited(coinslot_proxies=1) as http:
            found = await statuses(http, first, first, second)
        assert found == [503, 503, 429 if same else 503]

    @pytest.mark.parametrize("nonsense", ["unknown", "_hidden", "999.1.1.1", "'; --", "x" * 4000])
    async def test_that_is_none_is_the_peers(self, nonsense: str) -> None:
        async with limited(coinslot_proxies=1) as http:
            assert await statuses(http, nonsense, "?", "127.0.0.1") == [503, 503, 429]
