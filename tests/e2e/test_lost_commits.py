"""Postgres commits, and the connection ends before PostgREST is told.

PostgREST answers that with 400 and an empty `code`. It looks like a refusal, and is none: what was
asked for has been done. Whoever asks again under the same key gets what it was, once.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from tests.support.clusters import discard
from tests.support.relays import Relay, relayed
from tests.support.servers import PATIENCE
from tests.support.shop import Shop
from tests.support.stacks import LocalStack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

NOBODY_KNOWS = {"code": "", "details": None, "hint": None, "message": ""}


@asynccontextmanager
async def started() -> AsyncIterator[tuple[LocalStack, Relay]]:
    async with relayed("relayed") as (stack, relay):
        try:
            await asyncio.to_thread(stack.up)
            yield LocalStack(stack), relay
        finally:
            await asyncio.to_thread(discard, stack)


@pytest_asyncio.fixture(scope="module")
async def world() -> AsyncIterator[tuple[LocalStack, Relay]]:
    async with started() as world:
        yield world


@pytest.fixture
def relay(world: tuple[LocalStack, Relay]) -> Relay:
    return world[1]


@pytest_asyncio.fixture
async def shop(world: tuple[LocalStack, Relay]) -> AsyncIterator[Shop]:
    stack, _ = world
    async with httpx.AsyncClient(timeout=30) as http:
        shop = Shop(stack, http, await asyncio.to_thread(stack.sign_up), stack.sidecar_url)
        yield shop
        assert (await known(rpc(shop, "coinslot_verify_ledger", by_service=True))).json() == []


async def known(call: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Repeats a call whose answer says nothing, as a caller does. Connections that
    broke while nobody used them are found out like that, too."""
    async with asyncio.timeout(PATIENCE):
        while (answer := await call()).status_code >= 500 or answer.json() == NOBODY_KNOWS:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return answer


async def unheard(
    relay: Relay, of: str, call: Callable[[], Awaitable[httpx.Response]]
) -> httpx.Response:
    """The answer to a call whose commit nobody was told of. Where PostgREST is still getting over
    the connection that it lost before, the call does not get that far, and is made again."""
    async with asyncio.timeout(PATIENCE):
        while True:
            relay.lose_commit(of)
            answer = await call()
            if relay.lost:
                assert relay.lost == 1
                return answer


def rpc(
    shop: Shop, name: str, *, by_service: bool = False, **arguments: object
) -> Callable[[], Awaitable[httpx.Response]]:
    headers = shop.stack.headers(None if by_service else shop.buyer)
    url = f"{shop.stack.api_url}/rest/v1/rpc/{name}"
    return lambda: shop.http.post(url, json=arguments, headers=headers)


def checkout(shop: Shop) -> Callable[[], Awaitable[httpx.Response]]:
    key = uuid4().hex
    return lambda: shop.checkout(**{"Idempotency-Key": key})


def demo_app(shop: Shop, what: str) -> Callable[[], Awaitable[httpx.Response]]:
    headers = {**shop.stack.headers(shop.buyer), "Idempotency-Key": uuid4().hex}
    url = f"{shop.stack.api_url}/functions/v1/{what}"
    return lambda: shop.http.post(url, json={"question": "Still there?"}, headers=headers)


async def tokens(shop: Shop) -> int:
    return int((await known(rpc(shop, "get_user_tokens"))).json())


async def ordered(shop: Shop) -> str:
    return str((await known(checkout(shop))).json()["orderId"])


async def test_postgrest_calls_a_spend_that_was_committed_a_bad_request(
    shop: Shop, relay: Relay
) -> None:
    spend = rpc(shop, "use_feature", feature="question", idempotency_key=uuid4().hex)
    first = await unheard(relay, "use_feature", spend)
    assert (first.status_code, first.json()) == (400, NOBODY_KNOWS)
    again = (await known(spend)).json()
    assert (again["replayed"], again["delta"], again["balance"]) == (True, -1, 4)


async def test_the_demo_app_does_not_pass_it_on_as_a_refusal(shop: Shop, relay: Relay) -> None:
    """Its page keeps the key only where nobody knows."""
    ask = demo_app(shop, "ask")
    first = await unheard(relay, "use_feature", ask)
    assert (first.status_code, first.json()["code"]) == (503, "unavailable")
    assert (await known(ask)).json()["balance"] == 4


async def test_an_answer_that_was_paid_for_is_given(shop: Shop, relay: Relay) -> None:
    ask = demo_app(shop, "answer")
    assert (await unheard(relay, "capture_token_hold", ask)).status_code == 503
    assert (await known(ask)).json()["paid"] == 0
    assert await tokens(shop) == 3


@pytest.mark.parametrize("name", ["coinslot_open_payment", "coinslot_apply_gateway_payment"])
async def test_a_purchase_goes_on_whichever_commit_is_lost(
    shop: Shop, relay: Relay, name: str
) -> None:
    """The sidecar asks again: the buyer notices nothing."""
    order_id = await ordered(shop)
    imp_uid = await shop.pay(order_id)
    completed = await unheard(relay, name, lambda: shop.complete(order_id, imp_uid))
    assert completed.status_code == 200, completed.text
    assert (shop.purchases(), await tokens(shop)) == (1, 15)


@pytest.mark.parametrize("name", ["coinslot_store_webhook", "coinslot_apply_gateway_payment"])
async def test_a_webhook_credits_once_whichever_commit_is_lost(
    shop: Shop, relay: Relay, name: str
) -> None:
    order_id = await ordered(shop)
    imp_uid = await shop.pay(order_id)
    relay.lose_commit(name)
    assert (await known(lambda: shop.webhook(order_id, imp_uid))).status_code == 200

    # Stored without our knowledge, it waits for the end of its lease; not applied, for later.
    due = (
        "update coinslot.webhooks set next_attempt_at = now() "
        "where order_id = %s and finished_at is null returning 1"
    )
    async with asyncio.timeout(PATIENCE):
        while shop.purchases() == 0:
            # Elsewhere: whoever has the row locked commits by way of the relay, which lives here.
            await asyncio.to_thread(shop.select, due, order_id)
            await asyncio.sleep(0.05)
    # What is committed can be seen before the relay, or anybody, has heard of it.
    await shop.until(lambda: relay.lost == 1)
    assert (shop.purchases(), await tokens(shop)) == (1, 15)


async def test_an_order_is_made_once_under_its_key(shop: Shop, relay: Relay) -> None:
    made = await unheard(relay, "create_token_order", checkout(shop))
    assert made.status_code == 200, made.text
    assert shop.select("select count(*) from token_payments where user_id = %s", shop.buyer.id) == [
        (1,)
    ]


async def test_whoever_is_signed_in_stays_so(shop: Shop, relay: Relay) -> None:
    """Reading one's order has nothing to do with who one is, and is read again."""
    order_id = await ordered(shop)
    url = f"{shop.sidecar}/payment/{order_id}"
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = await unheard(
                relay, "token_payments", lambda: shop.http.get(url, headers=shop.jwt)
            )
            # PostgREST may answer every try with the connection that it is still getting over.
            if answer.status_code != 503:
                break
    assert answer.status_code == 200, answer.text
