"""A person's own orders, and who counts as that person."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import jwt
import pytest

if TYPE_CHECKING:
    import httpx

    from tests.support.shop import Shop


async def get(shop: Shop, path: str, **query: str) -> httpx.Response:
    return await shop.http.get(f"{shop.sidecar}{path}", params=query, headers=shop.jwt)


async def test_one_order_as_the_guide_shows_it(shop: Shop) -> None:
    order_id, imp_uid = await shop.bought()
    answer = (await get(shop, f"/payment/{order_id}")).json()
    shown = {
        "order_id": order_id,
        "user_id": shop.buyer.id,
        "amount": 5000,
        "currency": "KRW",
        "status": "completed",
        "payment_method": "portone",
        "method": "card",
        "payment_key": imp_uid,
    }
    assert answer["success"] is True
    assert {name: answer["payment"][name] for name in shown} == shown
    assert answer["payment"]["confirmed_at"] > answer["payment"]["created_at"]


async def test_history_pages_through_every_order_once(shop: Shop) -> None:
    made = [await shop.order() for _ in range(5)]
    seen: list[str] = []
    query = {"limit": "2"}
    for expected in (2, 2, 1):
        page = (await get(shop, "/payment/history/me", **query)).json()
        assert (page["success"], page["count"], len(page["payments"])) == (True, expected, expected)
        seen += [payment["order_id"] for payment in page["payments"]]
        query["before"] = page["next"]
    assert page["next"] is None
    assert seen == made[::-1]


async def test_orders_made_in_the_same_instant_are_paged_once_each(shop: Shop) -> None:
    made = {await shop.order() for _ in range(3)}
    shop.select(
        "update token_payments set created_at = '2026-01-01 00:00:00Z' "
        "where user_id = %s returning 1",
        shop.buyer.id,
    )
    first = (await get(shop, "/payment/history/me", limit="1")).json()
    rest = (await get(shop, "/payment/history/me", before=first["next"])).json()
    seen = [payment["order_id"] for page in (first, rest) for payment in page["payments"]]
    assert (len(seen), set(seen)) == (3, made)


async def test_history_of_a_newcomer_is_empty(shop: Shop) -> None:
    answer = (await get(shop, "/payment/history/me")).json()
    assert answer == {"success": True, "count": 0, "payments": [], "next": None}


async def test_page_size_of_thousands_of_digits_is_none(shop: Shop) -> None:
    answer = await get(shop, "/payment/history/me", limit="0001" + "0" * 5000)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


class TestAnothersOrder:
    async def test_is_as_absent_as_one_that_does_not_exist(self, shop: Shop) -> None:
        order_id, imp_uid = await shop.bought()
        stranger = replace(shop, buyer=shop.stack.sign_up())
        answers = [
            await get(stranger, f"/payment/{order_id}"),
            await get(stranger, "/payment/ord_ffffffffffffffff"),
            await stranger.complete(order_id, imp_uid, **stranger.jwt),
        ]
        assert {(a.status_code, a.json()["error"]) for a in answers} == {(404, "Payment not found")}
        assert (await get(stranger, "/payment/history/me")).json()["count"] == 0


class TestWhoIsNobody:
    @pytest.fixture(params=["expired", "forged", "unsigned", "anon", "nonsense"])
    def nobody(self, request: pytest.FixtureRequest, shop: Shop) -> Shop:
        claims = jwt.decode(shop.buyer.token, options={"verify_signature": False})
        secret = shop.stack.env["SUPABASE_JWT_SECRET"]
        tokens = {
            "expired": jwt.encode({**claims, "exp": int(time.time()) - 60}, secret),
            "forged": jwt.encode(claims, "another secret, which is long enough for HS256"),
            "unsigned": jwt.encode(claims, "", algorithm="none"),
            "anon": shop.stack.keys.anon,
            "nonsense": "a.b.c",
        }
        return replace(shop, buyer=replace(shop.buyer, token=tokens[request.param]))

    async def test_cannot_check_out(self, nobody: Shop) -> None:
        answer = await nobody.checkout()
        assert (answer.status_code, answer.json()["error"]) == (401, "Unauthorized")

    async def test_cannot_complete_in_anybodys_name(self, shop: Shop, nobody: Shop) -> None:
        order_id = await shop.order()
        answer = await nobody.complete(order_id, await shop.pay(order_id), **nobody.jwt)
        assert (answer.status_code, shop.row(order_id)["status"]) == (401, "pending")

    async def test_service_key_is_nobody_to_make_an_order_for(self, shop: Shop) -> None:
        service = replace(shop, buyer=replace(shop.buyer, token=shop.stack.keys.service_role))
        answer = await service.checkout()
        assert (answer.status_code, answer.json()["error"]) == (401, "Unauthorized")
