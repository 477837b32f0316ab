"""Calls of a server with the service's key, old or new, through supabase-py."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from supabase import AsyncClient, AsyncClientOptions, PostgrestAPIError, acreate_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.shop import Shop

ANSWER = 2


@pytest.fixture(params=["service_role", "secret"])
async def service(request: pytest.FixtureRequest, shop: Shop) -> AsyncIterator[AsyncClient]:
    async with httpx.AsyncClient(timeout=30) as http:
        key = getattr(shop.stack.keys, request.param)
        options = AsyncClientOptions(httpx_client=http, auto_refresh_token=False)
        yield await acreate_client(shop.stack.api_url, key, options)


async def call(service: AsyncClient, rpc: str, **arguments: object) -> Any:  # noqa: ANN401
    return (await service.rpc(rpc, arguments).execute()).data


async def refused(service: AsyncClient, rpc: str, **arguments: object) -> tuple[str, str, Any]:
    """Code, message and details."""
    with pytest.raises(PostgrestAPIError) as refusal:
        await call(service, rpc, **arguments)
    error = refusal.value
    return str(error.code), str(error.message), json.loads(error.details or "{}")


async def hold(service: AsyncClient, shop: Shop, **arguments: object) -> Any:  # noqa: ANN401
    return await call(
        service,
        "hold_feature_for",
        **{
            "user_id": shop.buyer.id,
            "feature": "answer",
            "idempotency_key": "request",
            **arguments,
        },
    )


async def test_grant_is_given_once(service: AsyncClient, shop: Shop) -> None:
    grant = {"user_id": shop.buyer.id, "amount": 10, "idempotency_key": "gift", "reason": "hello"}
    first = await call(service, "add_tokens", **grant)
    assert (first["kind"], first["delta"], first["balance"]) == ("grant", 10, 15)
    assert await call(service, "add_tokens", **grant) == {**first, "replayed": True}
    assert await shop.tokens() == 15


async def test_users_key_never_stands_in_the_way_of_the_services(
    service: AsyncClient, shop: Shop
) -> None:
    spend = {"amount": 1, "idempotency_key": "request"}
    await shop.rpc("spend_tokens", shop.buyer, **spend)
    await call(service, "spend_tokens_for", user_id=shop.buyer.id, **spend)
    assert await shop.tokens() == 3


async def test_hold_ends_once_whichever_way(service: AsyncClient, shop: Shop) -> None:
    for end, ended in (("capture_token_hold", "captured"), ("release_token_hold", "released")):
        held = await hold(service, shop, idempotency_key=end)
        await call(service, end, hold_id=held["id"])
        expected = {"status": ended, "captured": ANSWER if ended == "captured" else 0}
        for again in {"capture_token_hold", "release_token_hold"} - {end}:
            answer = await refused(service, again, hold_id=held["id"])
            assert answer == ("PT409", "hold_resolved", expected)
    assert await shop.tokens() == 3


async def test_capture_of_more_than_was_held_takes_nothing(
    service: AsyncClient, shop: Shop
) -> None:
    held = await hold(service, shop)
    for amount in (ANSWER + 1, 0, -1):
        code, message, _ = await refused(
            service, "capture_token_hold", hold_id=held["id"], amount=amount
        )
        assert (code, message) == ("PT400", "invalid_amount")
    entry = await call(service, "capture_token_hold", hold_id=held["id"], amount=ANSWER - 1)
    assert (entry["delta"], await shop.tokens()) == (1 - ANSWER, 4)


async def test_expired_hold_is_over_for_its_holder_too(service: AsyncClient, shop: Shop) -> None:
    held = await hold(service, shop, ttl_seconds=1)
    async with asyncio.timeout(15):
        while await shop.tokens() < 5:  # noqa: ASYNC110 - the database's clock
            await asyncio.sleep(0.05)
    for end in ("capture_token_hold", "release_token_hold"):
        code, message, details = await refused(service, end, hold_id=held["id"])
        assert (code, message, details["status"]) == ("PT409", "hold_resolved", "expired")
    again = await hold(service, shop)
    assert (again["replayed"], again["id"] != held["id"], await shop.tokens()) == (False, True, 3)


async def test_unknown_hold_or_user_is_named(service: AsyncClient, shop: Shop) -> None:
    nobody = "00000000-0000-4000-8000-0000000000ff"
    code, message, _ = await refused(service, "capture_token_hold", hold_id=nobody)
    assert (code, message) == ("PT404", "hold_not_found")
    grant = {"user_id": nobody, "amount": 1, "idempotency_key": "gift"}
    code, message, _ = await refused(service, "add_tokens", **grant)
    assert (code, message) == ("PT404", "wallet_not_found")


async def test_service_too_acts_only_through_rpcs(service: AsyncClient, shop: Shop) -> None:
    changes = {"tokens": 1000}
    with pytest.raises(PostgrestAPIError) as refusal:
        await service.table("token_wallets").update(changes).eq("user_id", shop.buyer.id).execute()
    assert (refusal.value.code, await shop.tokens()) == ("42501", 5)
