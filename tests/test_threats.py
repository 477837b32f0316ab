"""The threats of a token shop, one by one, on the running stack.

The attacker is a signed-in buyer with the publishable key, who needs no client library; whoever
knows the address of the sidecar; or, where it says so, a holder of the keys who is mistaken.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import jwt
import pytest

from tests.e2e.conftest import browser, shop
from tests.e2e.surface import surface
from tests.support.shop import Shop
from tests.support.threats import FREE, NOT_ALLOWED, STARTER, Attacker, as_buyer, error, with_token

__all__ = ["browser", "shop"]


@pytest.fixture
def stranger(shop: Shop) -> Shop:
    """Another buyer of the same shop."""
    return Shop(shop.stack, shop.http, shop.stack.sign_up(), shop.sidecar)


async def test_mint_by_update(shop: Shop) -> None:
    attacker = as_buyer(shop)
    with shop.stack.connect() as connection:
        relations = surface(connection).relations
    for relation in relations:
        name, mine = relation.name, f"{relation.columns[0]}=not.is.null"
        for method in ("POST", "PATCH", "PUT"):
            answer = await attacker.send(method, f"{name}?{mine}", json=relation.row)
            assert answer.status_code >= 400, (method, name)
        assert (await attacker.send("DELETE", f"{name}?{mine}")).status_code >= 400, name
    for body in ({"tokens": 1_000_000}, {"held": -1_000_000}):
        answer = await attacker.send(
            "PATCH", f"token_wallets?user_id=eq.{shop.buyer.id}", json=body
        )
        assert error(answer) == NOT_ALLOWED
    assert await shop.tokens() == FREE


async def test_mint_by_calling_what_is_the_services(shop: Shop) -> None:
    attacker = as_buyer(shop)
    arguments = {"user_id": shop.buyer.id, "amount": 100, "idempotency_key": "mine"}
    with shop.stack.connect() as connection:
        services = surface(connection).service_rpcs
    for rpc in services:
        given = {name: arguments.get(name) for name in rpc.parameters}
        answer = await attacker.rpc(rpc.name, **given)
        assert answer.status_code in {400, 403}, rpc.name
        assert error(answer) in {NOT_ALLOWED, "forbidden"}, rpc.name
    assert await shop.tokens() == FREE


async def test_mint_by_negative_spending(shop: Shop) -> None:
    for amount in (-100, 0, -(2**62)):
        answer = await as_buyer(shop).rpc("spend_tokens", amount=amount, idempotency_key="k")
        assert error(answer) == "invalid_amount"
    assert await shop.tokens() == FREE


async def test_mint_by_replay(shop: Shop) -> None:
    """One payment, completed and told of as often as anybody likes."""
    order_id, imp_uid = await shop.bought()
    await asyncio.gather(
        *(shop.complete(order_id, imp_uid) for _ in range(20)),
        *(shop.webhook(order_id, imp_uid) for _ in range(20)),
    )
    await shop.followed(order_id)
    assert await shop.tokens() == FREE + STARTER
    assert shop.purchases() == 1


async def test_mint_by_one_payment_for_two_orders(shop: Shop) -> None:
    _, imp_uid = await shop.bought()
    other = await shop.order("premium")
    assert (await shop.complete(other, imp_uid)).status_code == 400
    assert shop.row(other)["status"] == "pending"
    assert await shop.tokens() == FREE + STARTER


async def test_anothers_order(shop: Shop, stranger: Shop) -> None:
    order_id, imp_uid = await shop.bought()
    attacker = as_buyer(stranger)
    seen = await attacker.send("GET", f"token_payments?order_id=eq.{order_id}")
    assert seen.json() == []
    assert (await attacker.send("GET", "token_payment_events")).json() == []
    assert error(await attacker.rpc("cancel_token_order", order_id=order_id)) == "order_not_found"
    url = f"{shop.sidecar}/payment/{order_id}"
    assert (await shop.http.get(url, headers=stranger.jwt)).status_code == 404
    assert (await shop.complete(order_id, imp_uid, **stranger.jwt)).status_code == 404
    refund = {"order_id": order_id, "reason": "mine", "idempotency_key": "r"}
    assert error(await attacker.rpc("request_token_refund", **refund)) == "forbidden"
    assert await stranger.tokens() == FREE


async def test_anothers_balance(shop: Shop, stranger: Shop) -> None:
    attacker = as_buyer(stranger)
    for table in ("token_wallets", "token_ledger"):
        for owner in {row["user_id"] for row in (await attacker.send("GET", table)).json()}:
            assert owner == stranger.buyer.id
        of_buyer = await attacker.send("GET", f"{table}?user_id=eq.{shop.buyer.id}")
        assert of_buyer.json() == []
    spend = {"amount": 1, "idempotency_key": "k", "user_id": shop.buyer.id}
    assert error(await attacker.rpc("spend_tokens", **spend)) == "PGRST202"
    assert error(await attacker.rpc("spend_tokens_for", **spend)) == NOT_ALLOWED
    assert await shop.tokens() == FREE


@pytest.mark.parametrize("subject", [{}, {"sub": None}])
async def test_null_user_id(shop: Shop, subject: dict[str, Any]) -> None:
    """A token of the right issuer that does not say who somebody is."""
    claims = {"role": "authenticated", "exp": int(time.time()) + 60} | subject
    nobody = with_token(shop, shop.stack.keys.sign(claims))
    calls: dict[str, dict[str, Any]] = {
        "get_user_tokens": {},
        "spend_tokens": {"amount": 1, "idempotency_key": "k"},
        "use_feature": {"feature": "question", "idempotency_key": "k"},
        "create_token_order": {"product_id": "starter", "gateway": "portone"},
        "cancel_token_order": {"order_id": await shop.order()},
        "request_token_refund": {"order_id": "ord_x", "reason": "r", "idempotency_key": "k"},
        "list_token_refunds": {"order_id": "ord_x"},
        "update_profile": {"display_name": "nobody"},
    }
    for name, arguments in calls.items():
        answer = await nobody.rpc(name, **arguments)
        assert (answer.status_code, error(answer)) == (401, "unauthenticated"), name
    for table in ("token_wallets", "token_ledger", "token_payments"):
        assert (await nobody.send("GET", table)).json() == []


@pytest.mark.parametrize("role", ["service_role", "postgres", "supabase_admin", "authenticator"])
async def test_role_claim_forged(shop: Shop, role: str) -> None:
    claims = {"role": role, "sub": shop.buyer.id, "exp": int(time.time()) + 60}
    unsigned = jwt.encode(claims, "", algorithm="none")
    otherwise = jwt.encode(claims, "another secret of more than 32 characters", algorithm="HS256")
    header, _, signature = shop.buyer.token.split(".")
    spliced = ".".join((header, unsigned.split(".")[1], signature))
    grant = {"user_id": shop.buyer.id, "amount": 100, "idempotency_key": "k"}
    for token in (unsigned, otherwise, spliced):
        answer = await with_token(shop, token).rpc("add_tokens", **grant)
        assert answer.status_code == 401
    assert await shop.tokens() == FREE


async def test_price_tampered_in_the_request(shop: Shop) -> None:
    url = f"{shop.sidecar}/payment/toss/create"
    for amount in (1, 4999, -5000, 0, "0.01"):
        body = {"amount": amount, "orderName": "Starter Pack"}
        assert (await shop.http.post(url, json=body, headers=shop.jwt)).status_code == 400
    order = {"product_id": "starter", "gateway": "portone", "amount": 1, "tokens": 1_000_000}
    assert error(await as_buyer(shop).rpc("create_token_order", **order)) == "PGRST202"
    assert not shop.select("select 1 from token_payments where user_id = %s", shop.buyer.id)


@pytest.mark.parametrize("turn", [{"amount": 1}, {"amount": 4999}, {"currency": "USD"}])
async def test_price_tampered_in_the_window(shop: Shop, turn: dict[str, Any]) -> None:
    order_id = await shop.order()
    imp_uid = await shop.pay(order_id, force=True, **turn)
    assert (await shop.complete(order_id, imp_uid)).status_code == 400
    assert await shop.tokens() == FREE
    assert shop.purchases() == 0


async def test_price_hoarded(shop: Shop) -> None:
    """Ordered at a wrong price of ten minutes, paid long after it was mended."""
    order_id = await shop.order()
    shop.select(
        "update token_payments set expires_at = expires_at - interval '3 hours' "
        "where order_id = %s returning 1",
        order_id,
    )
    mend = "update token_prices set amount = amount + %s where product_id = 'starter' returning 1"
    shop.select(mend, 50_000)
    try:
        imp_uid = await shop.pay(order_id, amount=5000, force=True)
        answer = await shop.complete(order_id, imp_uid)
    finally:
        shop.select(mend, -50_000)
    assert (answer.status_code, error(answer)) == (400, "payment_review")
    assert (await shop.tokens(), shop.discrepancies(order_id)) == (FREE, ["late_payment"])


async def test_webhook_forged(shop: Shop) -> None:
    order_id = await shop.order()
    imp_uid = await shop.pay(order_id, outcome="failed")
    for status in ("paid", "cancelled", "paid' or 1=1 --"):
        assert (await shop.webhook(order_id, imp_uid, status)).status_code == 200
    other = await shop.order()
    assert (await shop.webhook(other, "imp_000000000001")).status_code == 200
    # Each lie was followed by a read before the tokens are looked at.
    assert "credited" not in await shop.followed(order_id)
    await shop.until(lambda: [outcome for outcome, _ in shop.inbox(other)] == ["not_yet"])
    assert shop.row(order_id)["status"] == "failed"
    for gateway in ("stripe", "toss"):
        body = {"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": order_id}}
        forged = await shop.http.post(f"{shop.sidecar}/payment/{gateway}/webhook", json=body)
        assert forged.status_code < 500
    assert await shop.tokens() == FREE
    assert shop.purchases() == 0


async def test_test_payment_in_live(shop: Shop) -> None:
    order_id = await shop.order()
    with shop.stack.connect() as owner:
        owner.execute("update token_payments set live = true where order_id = %s", [order_id])
    imp_uid = await shop.pay(order_id)
    answer = await shop.complete(order_id, imp_uid)
    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_mode")
    assert await shop.tokens() == FREE
    assert shop.discrepancies(order_id) == ["wrong_mode"]


async def test_hold_and_never_release(shop: Shop) -> None:
    """No buyer holds; a server that dies with a hold gives it back by the clock, unswept."""
    held: dict[str, Any] = {"user_id": shop.buyer.id, "amount": FREE, "idempotency_key": "job"}
    assert error(await as_buyer(shop).rpc("hold_tokens_for", **held)) == NOT_ALLOWED
    service = Attacker(shop, shop.stack.headers())
    answer = await service.rpc("hold_tokens_for", **held, ttl_seconds=10**6)
    assert error(answer) == "invalid_argument"
    await shop.rpc("hold_tokens_for", **held, ttl_seconds=1)
    assert await shop.tokens() == 0
    async with asyncio.timeout(20):
        while await shop.tokens() != FREE:  # noqa: ASYNC110 - the database's clock
            await asyncio.sleep(0.1)
    await shop.rpc("spend_tokens", shop.buyer, amount=FREE, idempotency_key="k")


async def test_race_refund_with_spend(shop: Shop) -> None:
    """15 tokens, 10 of them bought: their money goes back, or more than 5 are spent."""
    attacker = as_buyer(shop)
    for number in range(3):
        tokens = await shop.tokens()
        order_id, _ = await shop.bought()
        refund = shop.rpc(
            "request_token_refund_for", order_id=order_id, reason="race", idempotency_key="r"
        )
        spends = [
            attacker.rpc("spend_tokens", amount=5, idempotency_key=f"{number} {n}")
            for n in range(6)
        ]
        asked, *answers = await asyncio.gather(refund, *spends, return_exceptions=True)
        spent = 5 * sum(not isinstance(a, BaseException) and a.status_code == 200 for a in answers)
        aside = 0 if isinstance(asked, BaseException) else STARTER
        assert spent + aside <= tokens + STARTER
        assert await shop.tokens() == tokens + STARTER - spent - aside
